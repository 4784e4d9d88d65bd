"""What lies on disk: run folders, study.json, claims.  Nothing here computes."""
