package buildcontext

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func folder(t *testing.T) string {
	root := t.TempDir()
	write(t, filepath.Join(root, "Dockerfile"), "FROM scratch\n")
	write(t, filepath.Join(root, ".dockerignore"), "logs\n*.tmp\nDockerfile\n")
	write(t, filepath.Join(root, "models/a.sql"), "select 1")
	write(t, filepath.Join(root, "logs/x"), "x")
	return root
}

func digest(t *testing.T, root string) string {
	t.Helper()
	value, err := Digest(root, filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestDigestIgnoresWhatTheBuildIgnores(t *testing.T) {
	root := folder(t)
	first := digest(t, root)
	write(t, filepath.Join(root, "logs/y"), "y")
	write(t, filepath.Join(root, "a.tmp"), "y")
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(root, "models/a.sql"), later, later); err != nil {
		t.Fatal(err)
	}
	if digest(t, root) != first {
		t.Fatal("a touched or ignored file changed the digest")
	}
	if copied := folder(t); digest(t, copied) != first {
		t.Fatal("the same content at another path has another digest")
	}
}

func TestDigestSeesEveryChange(t *testing.T) {
	changes := map[string]func(root string) error{
		"content": func(root string) error {
			return os.WriteFile(filepath.Join(root, "models/a.sql"), []byte("select 2"), 0o644)
		},
		"mode": func(root string) error { return os.Chmod(filepath.Join(root, "models/a.sql"), 0o755) },
		"name": func(root string) error {
			return os.Rename(filepath.Join(root, "models/a.sql"), filepath.Join(root, "models/b.sql"))
		},
		"new file": func(root string) error { return os.WriteFile(filepath.Join(root, "n"), nil, 0o644) },
		"link":     func(root string) error { return os.Symlink("models/a.sql", filepath.Join(root, "l")) },
		"Dockerfile": func(root string) error {
			return os.WriteFile(filepath.Join(root, "Dockerfile"), []byte("FROM x"), 0o644)
		},
		"ignore": func(root string) error {
			return os.WriteFile(filepath.Join(root, ".dockerignore"), []byte("models\n"), 0o644)
		},
	}
	for name, change := range changes {
		root := folder(t)
		first := digest(t, root)
		if err := change(root); err != nil {
			t.Fatal(err)
		}
		if digest(t, root) == first {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}

func TestTheDockerfilesOwnIgnoreFileWins(t *testing.T) {
	root := folder(t)
	write(t, filepath.Join(root, "Dockerfile.dockerignore"), "*\n")
	first := digest(t, root)
	write(t, filepath.Join(root, "models/a.sql"), "select 2")
	if digest(t, root) != first {
		t.Fatal("the Dockerfile's own ignore file was not used")
	}
}

func TestDigestOfNothing(t *testing.T) {
	if _, err := Digest(t.TempDir(), "missing/Dockerfile"); err == nil {
		t.Fatal("a missing Dockerfile has a digest")
	}
	if _, err := Digest(filepath.Join(t.TempDir(), "missing"), "Dockerfile"); err == nil {
		t.Fatal("a missing context has a digest")
	}
}

func names(t *testing.T, archive *Archive) []string {
	t.Helper()
	defer archive.Close() //nolint:errcheck // only read
	reader := tar.NewReader(archive)
	var found []string
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 {
			t.Errorf("%s belongs to %d", header.Name, header.Uid)
		}
		found = append(found, header.Name)
	}
}

func TestArchive(t *testing.T) {
	root := folder(t)
	archive, err := Open(root, filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	found := names(t, archive)
	for _, wanted := range []string{"Dockerfile", "models/a.sql"} {
		if !slices.Contains(found, wanted) {
			t.Errorf("%s is missing from %v", wanted, found)
		}
	}
	if slices.Contains(found, "logs/x") || archive.Dockerfile != "Dockerfile" {
		t.Errorf("got %v, %q", found, archive.Dockerfile)
	}
}

func TestDockerfileOutsideOfTheContext(t *testing.T) {
	root := folder(t)
	archive, err := Open(filepath.Join(root, "models"), filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if archive.Relative != "../Dockerfile" {
		t.Errorf("got %q", archive.Relative)
	}
	if found := names(t, archive); !slices.Contains(found, archive.Dockerfile) || !slices.Contains(found, "a.sql") {
		t.Errorf("got %v", found)
	}
}
