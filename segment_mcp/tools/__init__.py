"""What the model can do: one module per family, one object per tool, one `invoke` around them all.

`tool` turns a handler into a tool, `catalog.TOOLS` lists them all in the order in which clients see them,
`invoke.Toolbox` is the door.
"""
