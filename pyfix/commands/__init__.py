from pyfix.commands.standard_files import open_standard_files

open_standard_files()  # here since every command comes by, before it opens anything
