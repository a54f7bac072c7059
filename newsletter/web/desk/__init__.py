"""The editors' desk: read, judge, mend, approve and watch an issue."""
