"""What exists: Claude models, inference profiles and regions, as dated data with sources.

Rules: facts stand in `data/*.json`, each row with its source and date, never in code; an ID that
the data doesn't know is not an error here, because models appear faster than catalogs.
"""
