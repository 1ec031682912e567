// Package registry serves a container registry with a password, from the reference implementation (distribution).
package registry

import (
	"context"
	"fmt"
	"os"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"

	// Password files and storage in a folder: the two parts of the registry that the trial needs.
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"

	"astro-dbt.local/services/internal/httpserver"
)

// Config of a registry.
type Config struct {
	// Listen is the address and port.
	Listen string
	// Folder is where the images are stored.
	Folder string
	// Passwords is an htpasswd file with bcrypt hashes; it is read again when it changes.
	Passwords string
}

// Serve answers until ctx ends.
func Serve(ctx context.Context, config Config) error {
	if info, err := os.Stat(config.Folder); err != nil || !info.IsDir() {
		return fmt.Errorf("-folder %q is not a folder", config.Folder)
	}
	if _, err := os.Stat(config.Passwords); err != nil {
		return fmt.Errorf("-htpasswd: %w", err)
	}
	settings := &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{
			"filesystem": configuration.Parameters{"rootdirectory": config.Folder},
			"delete":     configuration.Parameters{"enabled": true},
			"maintenance": configuration.Parameters{
				"uploadpurging": map[any]any{"enabled": false},
			},
		},
		Auth: configuration.Auth{
			"htpasswd": configuration.Parameters{"realm": "trial registry", "path": config.Passwords},
		},
	}
	settings.Log.Level = "warn"
	settings.HTTP.Addr = config.Listen
	// A push resumes only with the same key, also after the registry was started again: uploads are short, so a new
	// key at each start is enough. Left empty, the registry makes one.
	settings.HTTP.Secret = ""
	return httpserver.Serve(ctx, config.Listen, handlers.NewApp(ctx, settings), nil)
}
