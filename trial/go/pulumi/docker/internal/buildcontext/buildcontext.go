// Package buildcontext knows what of a folder belongs to an image's build: which files, their digest, and the archive
// that is sent to the Docker engine.
package buildcontext

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
)

// DefaultDockerfile is what a build reads unless told otherwise.
const DefaultDockerfile = "Dockerfile"

// Digest identifies what a build is made from: the Dockerfile's content, and name, mode and content of each file of the
// context that .dockerignore leaves in. Times and owners don't count, so that a touched file is no change. dockerfile
// is relative to the working folder, as folder is.
func Digest(folder, dockerfile string) (string, error) {
	ignored, err := ignorePatterns(folder, dockerfile)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	// The builder does not care what the Dockerfile is called.
	if err := add(sum, dockerfile, DefaultDockerfile, 0); err != nil {
		return "", fmt.Errorf("error hashing dockerfile %q: %w", dockerfile, err)
	}
	err = fsutil.Walk(context.Background(), folder, &fsutil.FilterOpt{ExcludePatterns: ignored},
		func(path string, information fs.FileInfo, err error) error {
			if err != nil || information.IsDir() {
				return err
			}
			return add(sum, filepath.Join(folder, path), filepath.ToSlash(path), information.Mode())
		})
	if err != nil {
		return "", fmt.Errorf("unable to hash build context: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// add counts a file in. Of a symbolic link the target's path counts, not what is there; of anything but regular files
// (sockets, pipes) the name and the mode.
func add(sum hash.Hash, path, name string, mode fs.FileMode) error {
	content := sha256.New()
	switch {
	case mode.Type() == fs.ModeSymlink:
		target, err := os.Readlink(path)
		if err != nil {
			return fmt.Errorf("could not read the symbolic link %s: %w", path, err)
		}
		_, _ = io.WriteString(content, filepath.ToSlash(target))
	case mode.IsRegular():
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("could not open file %s: %w", path, err)
		}
		defer file.Close() //nolint:errcheck // only read
		if _, err := io.Copy(content, file); err != nil {
			return fmt.Errorf("could not read file %s: %w", path, err)
		}
	}
	_, err := fmt.Fprintf(sum, "%s\x00%s\x00%x\x00", name, mode, content.Sum(nil))
	return err
}

// ignorePatterns reads the Dockerfile's own ignore file, or else the context's.
func ignorePatterns(folder, dockerfile string) ([]string, error) {
	for _, path := range []string{dockerfile + ".dockerignore", filepath.Join(folder, ".dockerignore")} {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading %q: %w", path, err)
		}
		defer file.Close() //nolint:errcheck // only read
		patterns, err := ignorefile.ReadAll(file)
		if err != nil {
			return nil, fmt.Errorf("unable to parse %q: %w", path, err)
		}
		return patterns, nil
	}
	return nil, nil
}

// within gives the path of the Dockerfile relative to the context, with slashes, and whether it lies inside.
func within(folder, dockerfile string) (string, bool, error) {
	absoluteFolder, err := filepath.EvalSymlinks(folder)
	if err == nil {
		absoluteFolder, err = filepath.Abs(absoluteFolder)
	}
	if err != nil {
		return "", false, fmt.Errorf("error resolving context: %w", err)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dockerfile))
	if err == nil {
		parent, err = filepath.Abs(parent)
	}
	if err != nil {
		return "", false, fmt.Errorf("error resolving context: %w", err)
	}
	relative, err := filepath.Rel(absoluteFolder, filepath.Join(parent, filepath.Base(dockerfile)))
	if err != nil {
		return "", false, fmt.Errorf("error resolving context: %w", err)
	}
	relative = filepath.ToSlash(relative)
	return relative, relative != ".." && !strings.HasPrefix(relative, "../"), nil
}
