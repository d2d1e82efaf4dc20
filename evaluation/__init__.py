"""Scores of generative models: Inception Score, FID, KID, RID and their like, each with the protocol it was made by.

It knows nothing of tfpagan: it scores arrays, tf.data sets, folders, statistics files and SavedModels.
"""
