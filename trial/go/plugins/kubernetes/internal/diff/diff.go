// Package diff compares what a program wants with what a resource is, key by key, in the shape that the engine prints:
// paths such as `metadata.labels["a.b/c"]` or `spec.ports[0].port` with what happens to each.
package diff

import (
	"fmt"
	"reflect"
	"sort"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Diff maps paths to what changes there.
type Diff map[string]*pulumirpc.PropertyDiff

// Replaces lists, sorted, the paths whose change needs a new resource.
func (d Diff) Replaces() []string {
	var paths []string
	for path, change := range d {
		switch change.Kind {
		case pulumirpc.PropertyDiff_ADD_REPLACE, pulumirpc.PropertyDiff_DELETE_REPLACE, pulumirpc.PropertyDiff_UPDATE_REPLACE:
			paths = append(paths, path)
		}
	}
	sort.Strings(paths)
	return paths
}

// TopLevel lists, sorted, the top-level keys in which something changes.
func (d Diff) TopLevel() []string {
	seen := map[string]bool{}
	for path := range d {
		if end := strings.IndexAny(path, ".["); end > 0 {
			path = path[:end]
		}
		seen[path] = true
	}
	keys := make([]string, 0, len(seen))
	for key := range seen {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Compute compares the wanted inputs with the present state.
//
// A key of the present state counts as deleted only when the former inputs had it too, since state holds much that
// somebody else has set. Unknown values (resource.Computed) count as changed. immovable are patterns of paths whose
// change needs a replacement, see Patterns.
func Compute(wanted, present, formerInputs map[string]any, immovable Patterns) Diff {
	walker := walker{immovable: immovable, found: Diff{}}
	walker.maps(nil, wanted, present, formerInputs)
	return walker.found
}

// absent marks a key that a map does not have, to tell it from a null.
type absent struct{}

type walker struct {
	immovable Patterns
	found     Diff
}

func (w *walker) maps(path []any, wanted, present, former map[string]any) {
	for key, value := range wanted {
		w.values(join(path, key), value, lookup(present, key), lookup(former, key))
	}
	for key := range former {
		if _, kept := wanted[key]; !kept {
			w.add(join(path, key), pulumirpc.PropertyDiff_DELETE, nil)
		}
	}
}

func (w *walker) lists(path []any, wanted, present, former []any) {
	for i, value := range wanted {
		w.values(join(path, i), value, element(present, i), element(former, i))
	}
	for i := len(wanted); i < len(present); i++ {
		w.add(join(path, i), pulumirpc.PropertyDiff_DELETE, nil)
	}
}

func (w *walker) values(path []any, wanted, present, former any) {
	if _, missing := present.(absent); missing {
		w.add(path, pulumirpc.PropertyDiff_ADD, wanted)
		return
	}
	switch value := wanted.(type) {
	case map[string]any:
		if presentMap, same := present.(map[string]any); same {
			formerMap, _ := former.(map[string]any)
			w.maps(path, value, presentMap, formerMap)
			return
		}
	case []any:
		if presentList, same := present.([]any); same {
			formerList, _ := former.([]any)
			w.lists(path, value, presentList, formerList)
			return
		}
	case resource.Computed:
		w.add(path, pulumirpc.PropertyDiff_UPDATE, wanted)
		return
	}
	if !equal(wanted, present) {
		w.add(path, pulumirpc.PropertyDiff_UPDATE, wanted)
	}
}

func (w *walker) add(path []any, kind pulumirpc.PropertyDiff_Kind, wanted any) {
	if w.immovable.touchedBy(path, wanted) {
		// In the protocol each kind is followed by the one that also replaces.
		kind++
	}
	w.found[Path(path)] = &pulumirpc.PropertyDiff{
		Kind:      kind,
		InputDiff: kind == pulumirpc.PropertyDiff_DELETE || kind == pulumirpc.PropertyDiff_DELETE_REPLACE,
	}
}

// Path prints a path of keys (string) and indices (int) as the engine parses it.
func Path(path []any) string {
	var text strings.Builder
	for _, part := range path {
		switch part := part.(type) {
		case int:
			fmt.Fprintf(&text, "[%d]", part)
		case string:
			switch {
			case strings.ContainsAny(part, `."[]`):
				text.WriteString(`["` + strings.ReplaceAll(part, `"`, `\"`) + `"]`)
			case text.Len() == 0:
				text.WriteString(part)
			default:
				text.WriteString("." + part)
			}
		}
	}
	return text.String()
}

func join(path []any, part any) []any {
	return append(path[:len(path):len(path)], part)
}

func lookup(values map[string]any, key string) any {
	if value, has := values[key]; has {
		return value
	}
	return absent{}
}

func element(values []any, index int) any {
	if index < len(values) {
		return values[index]
	}
	return absent{}
}

// equal compares leaves; numbers are equal whatever type JSON or a typed round trip gave them.
func equal(a, b any) bool {
	if number, isNumber := asFloat(a); isNumber {
		other, otherIsNumber := asFloat(b)
		return otherIsNumber && number == other
	}
	return reflect.DeepEqual(a, b)
}

func asFloat(value any) (float64, bool) {
	switch value := value.(type) {
	case float64:
		return value, true
	case int64:
		return float64(value), true
	case int:
		return float64(value), true
	}
	return 0, false
}
