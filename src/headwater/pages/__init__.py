"""Pages: plain data in, one HTML file out that needs nothing else; knows no other room.

In order: needed, parts, drawing, frame, explorer.
"""
