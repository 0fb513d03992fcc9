package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds the configuration file. The largest one that makes sense is a few KiB.
const maxFile = 1 << 20

// readFile reads the YAML file that --config or PLATEAU_CONFIG names; origin says which of the two.
func readFile(path, origin string, read func(string) ([]byte, error), m *Mistakes) layer {
	file := "file " + plain(path)
	l := layer{texts: map[string]string{}, origin: func(string) string { return file }}
	data, err := read(path)
	if err != nil {
		m.add(Mistake{Setting: configName, Given: path, Origin: origin, Problem: "cannot be read: " + err.Error()})
		return l
	}
	if len(data) > maxFile {
		m.add(Mistake{Setting: configName, Given: path, Origin: origin, Problem: "must be a file of at most " + formatSize(maxFile)})
		return l
	}
	pairs, err := parseFile(data)
	if err != nil {
		m.add(Mistake{Origin: file, Problem: err.Error()})
		return l
	}
	known := names()
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		where := fmt.Sprintf("%s, line %d", file, pair.Key.GetToken().Position.Line)
		_, duplicate := l.texts[key]
		switch {
		case key == configName:
			m.add(Mistake{Setting: key, Origin: where, Problem: "cannot stand in the file; it is --config or " + envName(configName)})
		case !slices.Contains(known, key):
			m.add(Mistake{Setting: key, Origin: where, Problem: "unknown key; did you mean " + Nearest(key, known) + "?"})
		case duplicate:
			m.add(Mistake{Setting: key, Origin: where, Problem: "stands twice in the file"})
		default:
			text, err := textOf(pair.Value, isList(key))
			if err != nil {
				m.add(Mistake{Setting: key, Origin: where, Problem: err.Error()})
				continue
			}
			l.texts[key] = text
		}
	}
	return l
}

// parseFile returns the pairs of the one mapping that the file is; an empty file has none.
func parseFile(data []byte) ([]*ast.MappingValueNode, error) {
	// A key that stands twice is found by the caller, with everything else.
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
			return nil, fmt.Errorf("is not YAML: line %d: %s", e.GetToken().Position.Line, e.GetMessage())
		}
		return nil, fmt.Errorf("is not YAML: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	wrong := errors.New("must be one YAML mapping of settings to values, such as data-dir: ./data")
	var pairs []*ast.MappingValueNode
	for _, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.NullNode, *ast.CommentGroupNode:
		case *ast.MappingNode:
			if pairs != nil {
				return nil, wrong
			}
			pairs = body.Values
		default:
			return nil, wrong
		}
	}
	return pairs, nil
}

// textOf returns a value as it stands in the file, so that it means there what it means as a flag. Entries of a list come
// separated by commas.
func textOf(node ast.Node, list bool) (string, error) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, nil
	case *ast.NullNode:
		return "", errors.New(`has no value; write "" for an empty one`)
	case *ast.SequenceNode:
		if !list {
			return "", errors.New("must be a single value, not a list")
		}
		entries := make([]string, len(n.Values))
		for i, entry := range n.Values {
			text, err := textOf(entry, false)
			if err != nil {
				return "", fmt.Errorf("entry %d %w", i+1, err)
			}
			entries[i] = text
		}
		return strings.Join(entries, ","), nil
	}
	if list {
		return "", errors.New("must be a list of plain values")
	}
	return "", errors.New("must be a plain value")
}

func isList(name string) bool {
	return slices.ContainsFunc(settings(), func(s setting) bool { return s.name == name && s.value.list })
}
