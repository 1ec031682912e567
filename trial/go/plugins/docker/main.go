// The trial's stand-in of the Pulumi plugin for Docker images.
package main

import (
	"os"

	"astro-dbt.local/plugins/common/serve"
	"astro-dbt.local/plugins/docker/internal/server"
)

func main() {
	os.Exit(serve.Main(server.New(), server.Version))
}
