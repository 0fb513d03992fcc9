package server

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tus/tusd/v2/pkg/handler"
)

// What passes is read by tusd into exactly the pairs that the client sent.
func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{
		"", ",", "a", "a ", " a b", "filename d29ybGQ=", "filename d29ybGQ=,is_confidential", "a YQ==,a YQ==", "a !", "a  YQ==", "a YQ",
		"\u00e4 YQ==", "a /w==", "a YQ==, b YQ== ,", "a\tYQ==", "a YQ\r\n==", "a " + strings.Repeat("A", 5500), "a\u00a0YQ==", "\u2028a YQ==",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if checkMetadata(header) != nil {
			return
		}
		want, size := make(map[string]string), 0
		for element := range strings.SplitSeq(header, ",") {
			if element = strings.TrimSpace(element); element == "" {
				continue
			}
			key, encoded, _ := strings.Cut(element, " ")
			value, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil || !utf8.Valid(value) {
				t.Fatalf("%q passed, with the value %q", header, encoded)
			}
			if _, twice := want[key]; twice || key == "" {
				t.Fatalf("%q passed, with the key %q", header, key)
			}
			want[key] = string(value)
			size += len(key) + len(value)
		}
		if size > maxMetadata {
			t.Fatalf("%d bytes passed", size)
		}
		if got := handler.ParseMetadataHeader(header); !maps.Equal(got, want) {
			t.Fatalf("%q is %q to tusd, want %q", header, got, want)
		}
		// The record and HEAD hand the same pairs back.
		if again := handler.ParseMetadataHeader(handler.SerializeMetadataHeader(want)); !maps.Equal(again, want) {
			t.Fatalf("%q comes back as %q, want %q", header, again, want)
		}
	})
}
