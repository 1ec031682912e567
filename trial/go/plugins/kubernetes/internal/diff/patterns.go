package diff

import "strings"

// Patterns are paths such as "spec.selector" or "spec.containers[*].image"; "[*]" stands for any element of a list.
type Patterns [][]string

// NewPatterns reads patterns from text.
func NewPatterns(texts ...string) Patterns {
	patterns := make(Patterns, 0, len(texts))
	for _, text := range texts {
		patterns = append(patterns, strings.Split(strings.ReplaceAll(text, "[*]", ".*"), "."))
	}
	return patterns
}

// touchedBy tells whether a change at path, to the given value, changes something that one of the patterns names: at
// the place, below it, or above it when the value reaches down to it.
func (p Patterns) touchedBy(path []any, value any) bool {
	for _, pattern := range p {
		if touches(pattern, path, value) {
			return true
		}
	}
	return false
}

func touches(pattern []string, path []any, value any) bool {
	for len(pattern) > 0 && len(path) > 0 {
		switch part := path[0].(type) {
		case int:
			if pattern[0] != "*" {
				return false
			}
		case string:
			if pattern[0] != part {
				return false
			}
		}
		pattern, path = pattern[1:], path[1:]
	}
	return len(pattern) == 0 || reaches(pattern, value)
}

func reaches(pattern []string, value any) bool {
	if len(pattern) == 0 {
		return true
	}
	switch value := value.(type) {
	case map[string]any:
		inner, has := value[pattern[0]]
		return has && reaches(pattern[1:], inner)
	case []any:
		if pattern[0] != "*" {
			return false
		}
		for _, inner := range value {
			if reaches(pattern[1:], inner) {
				return true
			}
		}
	}
	return false
}
