package config

import (
	"fmt"
	"io"
	"strings"
)

const (
	helpWidth  = 96
	helpColumn = 32
)

// WriteHelp writes all settings, in groups, for the help of a command that takes them.
func WriteHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString("Settings. Each is a flag, an environment variable and a key of the YAML file, in this order of\n" +
		"precedence: --data-dir, PLATEAU_DATA_DIR, data-dir. Sizes are bytes, or KiB, MiB, GiB, TiB: 64KiB.\n" +
		"Durations have a unit: 500ms, 60s, 1h30m.\n\n")
	writeEntry(&b, "--config FILE", "YAML file with settings; no default")
	group := ""
	for _, s := range settings() {
		if s.group != group {
			group = s.group
			b.WriteString("\n" + group + "\n")
		}
		flag := "--" + s.name + " " + s.arg
		if s.value.boolean {
			flag = "--" + s.name + "=" + s.arg
		}
		fallback := "; none by default"
		if s.fallback != "" {
			fallback = "; default " + s.fallback
		}
		writeEntry(&b, flag, s.help+fallback)
		if s.secret {
			writeEntry(&b, "--"+s.name+fileSuffix+" FILE", "the same, read from a file")
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write help: %w", err)
	}
	return nil
}

// writeEntry puts text beside the flag, broken into lines between words.
func writeEntry(b *strings.Builder, flag, text string) {
	fmt.Fprintf(b, "  %-*s", helpColumn-2, flag)
	column := helpColumn
	if len(flag) > helpColumn-4 {
		fmt.Fprintf(b, "\n%*s", helpColumn, "")
	}
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > helpWidth:
			fmt.Fprintf(b, "\n%*s", helpColumn, "")
			column = helpColumn
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
}
