"""A small server for trying a model at home and in CI: TensorFlow Serving's REST interface over an export, and a page.

It imports TensorFlow and none of the training code: it needs only an export.
"""
