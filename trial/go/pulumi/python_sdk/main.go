// Pulumi's own generator of Python SDKs, as a command for the trial's language host.
//
// It reads a request as JSON from standard input and writes the package into the request's directory. Mistakes in the schema are one line each on standard error, with exit code 1.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

type request struct {
	// Schema is the package's schema.
	Schema schema.PackageSpec `json:"schema"`
	// Loader is the engine's address for schemas of other packages, "" if there is none.
	Loader string `json:"loader"`
	// Directory exists and is absolute.
	Directory string `json:"directory"`
	// ExtraFiles are added to the package as they are, by their path in it.
	ExtraFiles map[string][]byte `json:"extraFiles"`
}

func main() {
	if err := generate(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(input io.Reader) error {
	var asked request
	if err := json.NewDecoder(input).Decode(&asked); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	var loader schema.ReferenceLoader
	if asked.Loader != "" {
		client, err := schema.NewLoaderClient(asked.Loader)
		if err != nil {
			return fmt.Errorf("connecting to the engine: %w", err)
		}
		defer client.Close()
		loader = schema.NewCachedLoader(client)
	}
	bound, found, err := schema.BindSpec(asked.Schema, loader, schema.ValidationOptions{AllowDanglingReferences: true})
	if err == nil && found.HasErrors() {
		err = errors.Join(found.Errs()...)
	}
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	files, err := python.GeneratePackage("pulumi-language-python", bound, asked.ExtraFiles, loader)
	if err != nil {
		return fmt.Errorf("generating the package: %w", err)
	}
	for name, content := range files {
		path := filepath.Join(asked.Directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
