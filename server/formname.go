package server

import (
	"cmp"
	"io"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// formPart is what a part's Content-Disposition says.
type formPart struct {
	field  string // the name of the form's field
	file   string // the file's name, without a path; may be empty
	isFile bool   // a file name was given, if only an empty one
}

// parseDisposition reads a part's Content-Disposition as those clients mean it
// that exist, and never fails. Package mime refuses a name without quotes that has
// a space, and knows UTF-8 only.
//
// File names come in many ways: as UTF-8 (browsers, curl), as RFC 8187 and RFC 2231
// have it (filename*=utf-8”…, filename*0=…), in encoded words (RFC 2047), with %22
// for a quote (browsers) or \" (curl), with their path (old Windows), and in the
// client's own code page. What is none of these is read as Windows-1252, so that
// every name has characters.
func parseDisposition(header string) formPart {
	kind, rest, _ := strings.Cut(header, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "form-data") {
		return formPart{}
	}
	var p formPart
	var plain, extended string
	var pieces []string // of a name in several
	for rest != "" {
		var name, value string
		name, value, rest = nextParameter(rest)
		switch name = strings.ToLower(name); {
		case name == "name":
			p.field = unescapeName(decodeName(value))
		case name == "filename":
			p.isFile, plain = true, unescapeName(decodeName(value))
		case name == "filename*":
			p.isFile, extended = true, decodeExtended(value)
		case strings.HasPrefix(name, "filename*"):
			p.isFile = true
			pieces = append(pieces, value)
		}
	}
	if len(pieces) > 0 && extended == "" { // they come in their order
		if extended = strings.Join(pieces, ""); strings.Count(extended, "'") >= 2 {
			extended = decodeExtended(extended)
		}
	}
	p.file = baseName(cmp.Or(extended, plain)) // filename* wins, wherever it stands
	return p
}

// nextParameter cuts the first parameter off.
func nextParameter(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, " \t;")
	end := strings.IndexAny(s, "=;")
	if end < 0 {
		return strings.TrimSpace(s), "", ""
	}
	name, s = strings.TrimSpace(s[:end]), s[end:]
	if s[0] == ';' {
		return name, "", s[1:]
	}
	s = strings.TrimLeft(s[1:], " \t")
	if s == "" || s[0] != '"' {
		value, rest, _ = strings.Cut(s, ";")
		return name, strings.TrimSpace(value), rest
	}
	value, rest = unquote(s[1:])
	return name, value, rest
}

// unquote reads up to the closing quote. A backslash escapes a quote and itself
// only: old Windows clients send a whole path.
func unquote(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			_, rest, _ = strings.Cut(s[i:], ";")
			return b.String(), rest
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// unescapeName undoes what browsers do to names that have a quote or a line break.
func unescapeName(s string) string {
	return strings.NewReplacer("%22", `"`, "%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n").Replace(s)
}

// decodeName makes UTF-8 of a name.
func decodeName(s string) string {
	if strings.Contains(s, "=?") {
		decoder := mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
			e, err := htmlindex.Get(charset)
			if err != nil {
				return nil, err
			}
			return e.NewDecoder().Reader(in), nil
		}}
		if decoded, err := decoder.DecodeHeader(s); err == nil {
			s = decoded
		}
	}
	if utf8.ValidString(s) {
		return s
	}
	return fromWindows1252(s)
}

// decodeExtended decodes charset'language'percent-encoded (RFC 8187). Of what it
// can't decode it makes a name all the same.
func decodeExtended(s string) string {
	charset, rest, _ := strings.Cut(s, "'")
	_, encoded, found := strings.Cut(rest, "'")
	if !found {
		charset, encoded = "utf-8", s
	}
	decoded, err := url.PathUnescape(encoded)
	if err != nil {
		decoded = encoded
	}
	if e, err := htmlindex.Get(charset); err == nil {
		if text, err := e.NewDecoder().String(decoded); err == nil && !strings.ContainsRune(text, utf8.RuneError) {
			return text
		}
	}
	if utf8.ValidString(decoded) {
		return decoded
	}
	return fromWindows1252(decoded)
}

func fromWindows1252(s string) string {
	decoded, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return "" // every byte has a meaning, or U+FFFD
	}
	return decoded
}

// baseName is the name without a path, as cleanName has it; "." and ".." are none.
func baseName(s string) string {
	s = cleanName(s)
	if s == "." || s == ".." {
		return ""
	}
	return s
}
