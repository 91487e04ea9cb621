"""The data lake: logins of past months in Parquet files, which other engines can read too."""
