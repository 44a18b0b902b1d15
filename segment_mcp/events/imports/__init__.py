"""Backfills of any size: a file, or events that were passed, checked, sent and accounted for line by line.

    sources     what is imported: a file, standard input, events of a call
    formats     records of it: NDJSON, JSON arrays, CSV, Parquet, each also gzipped
    mapping     columns of a row to fields of an event
    preparing   a record to the bytes of an event, or to what is wrong with it
    lanes       which events go together, in which order, and how far everything is
    pace        how fast
    letters     what was refused, in a file of its own
    engine      one import, from where it stopped to its end
    service     imports in the background, by their ids

A record's number is its place in the file, from 1; every record is settled in the end: confirmed by Segment or
written to the dead letters. How far that is, is on disk before it counts.
"""
