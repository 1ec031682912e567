// The trial's stand-in of the Pulumi plugin for Docker images.
package main

import (
	"os"

	"astro-dbt.local/pulumi/docker/internal/serve"
	"astro-dbt.local/pulumi/docker/internal/server"
)

func main() {
	os.Exit(serve.Main(server.New(), server.Version))
}
