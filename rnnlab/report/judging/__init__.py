"""From runs to numbers: what the sweep varied, estimates, verdicts.  No sentence is made here."""
