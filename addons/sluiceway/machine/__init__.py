"""What is set on an employee's machine so that its clients go through the proxy, and what is wrong when not.

`enrol` plans the changes, `journal` makes and undoes them; `doctor` runs real clients and says what to mend.
"""
