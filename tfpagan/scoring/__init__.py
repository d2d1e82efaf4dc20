"""Between a run and `tfpagan.evaluation`: a run as what is scored, and the files that scores leave."""
