"""A person agrees before harm is done, to exactly what then happens, and once.

    preview    what a person is shown: what the thing is called, what hangs on it, what would be gone
    recipes    for each operation that destroys, how its preview is read from Segment; `families` hold them, made of
               a few `steps`, which read by `reading` and compare by `diffs`
    ledger     every question that was asked, and what became of it; on disk, shared by processes
    consent    the three ways to agree, and that none of them is got around

A consent belongs to one caller, connection, operation, its exact arguments and what the preview saw. It lives ten
minutes and is used up before anything is sent.
"""
