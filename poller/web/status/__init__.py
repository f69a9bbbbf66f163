"""The status page for people, and the same as data. All but `source` is imported when somebody asks for it first."""
