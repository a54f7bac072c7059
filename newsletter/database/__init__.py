"""Where everything is kept: tables, migrations, and one file per noun."""
