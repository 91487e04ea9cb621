"""The data lake: logins of months that are over as Parquet, which other engines read too."""
