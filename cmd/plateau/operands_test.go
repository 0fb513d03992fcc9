package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestSplitWords(t *testing.T) {
	own := map[string]bool{"since": true, "dry-run": false}
	for args, want := range map[string]words{
		"":                                {},
		"ls":                              {operands: []string{"ls"}},
		"ls --data-dir d x":               {operands: []string{"ls", "x"}, settings: []string{"--data-dir", "d"}},
		"--data-dir=d ls":                 {operands: []string{"ls"}, settings: []string{"--data-dir=d"}},
		"--downloads ls":                  {operands: []string{"ls"}, settings: []string{"--downloads"}},
		"--downloads redirect ls":         {operands: []string{"ls"}, settings: []string{"--downloads", "redirect"}},
		"--kafka-password-file f ls":      {operands: []string{"ls"}, settings: []string{"--kafka-password-file", "f"}},
		"--dry-run ls -since 1h":          {operands: []string{"ls"}, flags: map[string]string{"dry-run": "true", "since": "1h"}},
		"--dry-run=false --since=":        {flags: map[string]string{"dry-run": "false", "since": ""}},
		"-- --dry-run -x":                 {operands: []string{"--dry-run", "-x"}},
		"--nonsense ls":                   {operands: []string{"ls"}, settings: []string{"--nonsense"}},
		"rm -":                            {operands: []string{"rm", "-"}},
		"--data-dir":                      {settings: []string{"--data-dir"}},
		"show --config f a --log-level=x": {operands: []string{"show", "a"}, settings: []string{"--config", "f", "--log-level=x"}},
	} {
		got, err := splitWords(strings.Fields(args), own)
		if err != nil || !slices.Equal(got.operands, want.operands) || !slices.Equal(got.settings, want.settings) || !maps.Equal(got.flags, want.flags) {
			t.Errorf("%q: %+v %v", args, got, err)
		}
	}
	for _, args := range []string{"--since", "--dry-run=yes", "--dry-run="} {
		if got, err := splitWords(strings.Fields(args), own); err == nil || exitCode(err) != exitUsage {
			t.Errorf("%q: %+v %v", args, got, err)
		}
	}
}
