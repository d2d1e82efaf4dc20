"""Scores of generative models: Inception Score, FID, KID, RID and others, each with the protocol it was computed under.

It is independent of the rest of tfpagan, and scores arrays, tf.data datasets, folders, statistics files and SavedModels.
"""
