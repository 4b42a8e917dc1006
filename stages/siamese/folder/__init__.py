"""People's photographs in a folder of one's own: found, checked, stored and divided.

`source` lists and reads the files, `layout` says whom each shows, `collection` checks and stores
them, `division` makes the lists of people and pairs. May import `dataset`.
"""
