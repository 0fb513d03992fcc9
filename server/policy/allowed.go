package policy

import (
	"slices"
	"strings"
)

// Allowed are the types and the endings of names that uploads may claim. Nobody looks into
// the bytes. An empty list allows all.
type Allowed struct {
	Types      []string // in lower case, such as image/png and image/*
	Extensions []string // in lower case, such as .jpg and .tar.gz
}

// Refuse returns why an upload with this metadata isn't taken, as a sentence for its
// client; empty: it is. What the lists are about must be there: as filetype or else type,
// and as filename or else name.
func (a Allowed) Refuse(metadata map[string]string) string {
	switch {
	case len(a.Types) > 0 && !a.allowsType(first(metadata, "filetype", "type")):
		return "files of this type are not taken here"
	case len(a.Extensions) > 0 && !a.allowsName(first(metadata, "filename", "name")):
		return "files with such a name are not taken here"
	}
	return ""
}

func first(metadata map[string]string, keys ...string) string {
	for _, key := range keys {
		if value := metadata[key]; value != "" {
			return value
		}
	}
	return ""
}

func (a Allowed) allowsType(claimed string) bool {
	claimed, _, _ = strings.Cut(claimed, ";") // parameters
	claimed = lower(strings.Trim(claimed, " \t"))
	major, minor, found := strings.Cut(claimed, "/")
	if !found || !isToken(major) || !isToken(minor) {
		return false
	}
	return slices.Contains(a.Types, claimed) || slices.Contains(a.Types, major+"/*")
}

// isToken reports whether s is half a media type (RFC 6838, 4.2), of any length; "*" is
// none.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$&-^_.+", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// allowsName trims nothing: spaces and dots at the end of a name, which Windows drops, make
// another ending of it. So does a zero byte, behind which C programs see nothing.
func (a Allowed) allowsName(claimed string) bool {
	name := lower(claimed[strings.LastIndexAny(claimed, `/\`)+1:])
	if strings.ContainsFunc(name, isControl) {
		return false
	}
	return slices.ContainsFunc(a.Extensions, func(ending string) bool {
		return len(name) > len(ending) && strings.HasSuffix(name, ending)
	})
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// lower changes ASCII letters only: others have lower forms that are ASCII.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
