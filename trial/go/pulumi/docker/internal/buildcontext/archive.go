package buildcontext

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/moby/go-archive"
)

// outsideDockerfile is the name in the archive of a Dockerfile that lies outside of the context. No file of the user's
// is called so.
const outsideDockerfile = ".dockerfile.outside-of-the-context"

// Archive is a build context on its way to the Docker engine.
type Archive struct {
	io.ReadCloser
	// Dockerfile is its path in the archive.
	Dockerfile string
	// Relative is the Dockerfile's path relative to the context, also when it lies outside.
	Relative string
}

// Open starts an archive of what the build needs: the context without what .dockerignore leaves out, and the
// Dockerfile wherever it lies. Files belong to root in it, as the Docker command line has it.
func Open(folder, dockerfile string) (*Archive, error) {
	if information, err := os.Stat(folder); err != nil || !information.IsDir() {
		return nil, fmt.Errorf("error resolving context: %q is not a folder", folder)
	}
	ignored, err := ignorePatterns(folder, dockerfile)
	if err != nil {
		return nil, fmt.Errorf("error reading ignore file: %w", err)
	}
	relative, inside, err := within(folder, dockerfile)
	if err != nil {
		return nil, err
	}
	// The engine reads these two even where the user keeps them out of the image.
	if inside {
		ignored = append(ignored, "!"+relative)
	}
	ignored = append(ignored, "!.dockerignore")
	stream, err := archive.TarWithOptions(folder, &archive.TarOptions{
		ExcludePatterns: ignored, ChownOpts: &archive.ChownOpts{UID: 0, GID: 0},
	})
	if err != nil {
		return nil, fmt.Errorf("error reading the build context: %w", err)
	}
	result := &Archive{ReadCloser: stream, Dockerfile: relative, Relative: relative}
	if !inside {
		content, err := os.ReadFile(dockerfile)
		if err != nil {
			_ = stream.Close()
			return nil, fmt.Errorf("could not open dockerfile at relative path %q: %w", dockerfile, err)
		}
		result.Dockerfile = outsideDockerfile
		result.ReadCloser = withFile(stream, outsideDockerfile, content)
	}
	return result, nil
}

// withFile adds a file to a tar stream as it passes.
func withFile(stream io.ReadCloser, name string, content []byte) io.ReadCloser {
	reader, writer := io.Pipe()
	go func() {
		defer stream.Close() //nolint:errcheck // only read
		writer.CloseWithError(copyWithFile(writer, stream, name, content))
	}()
	return reader
}

func copyWithFile(out io.Writer, in io.Reader, name string, content []byte) error {
	source, target := tar.NewReader(in), tar.NewWriter(out)
	for {
		header, err := source.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if err := target.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(target, source); err != nil {
			return err
		}
	}
	header := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
	if err := target.WriteHeader(header); err != nil {
		return err
	}
	if _, err := target.Write(content); err != nil {
		return err
	}
	return target.Close()
}
