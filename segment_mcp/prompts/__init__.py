"""Guided set-ups: texts that a person picks, which lead an agent through tools that exist to a proof."""
