"""A small server for trying a model at home and in CI: TensorFlow Serving's REST interface over an export, and a page.

It imports TensorFlow and nothing of tfpagan that trains: an export is all it knows.
"""
