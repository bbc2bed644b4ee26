module ripcord.dev/tests/migration_tools

go 1.25.7

require (
	github.com/amacneil/dbmate/v2 v2.35.0
	github.com/golang-migrate/migrate/v4 v4.19.1
	github.com/pressly/goose/v3 v3.27.3
)
