package server

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// maxMetadata is the most that keys and values may have together, in bytes.
const maxMetadata = 4096

// checkMetadata says what is wrong with an Upload-Metadata header, or nil: tusd
// would silently drop what it can't read. An empty header is fine, some
// clients always send it. What passes is read by tusd in the same way.
//
// Values must be UTF-8, since the record and the event are JSON: other bytes
// would be changed in them without a word.
func checkMetadata(header string) error {
	if len(header) > 4*maxMetadata {
		return metadataTooLarge()
	}
	seen := make(map[string]bool)
	size := 0
	for element := range strings.SplitSeq(header, ",") {
		element = strings.TrimSpace(element)
		if element == "" {
			continue
		}
		key, encoded, _ := strings.Cut(element, " ")
		switch {
		case strings.Contains(encoded, " "):
			return invalidMetadata("a pair has more than a key and a value")
		case !isASCII(key):
			return invalidMetadata("a key is not ASCII")
		case seen[key]:
			return invalidMetadata("a key comes twice")
		}
		seen[key] = true
		value, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return invalidMetadata("a value is not Base64")
		}
		if !utf8.Valid(value) {
			return invalidMetadata("a value is not UTF-8")
		}
		if size += len(key) + len(value); size > maxMetadata {
			return metadataTooLarge()
		}
	}
	return nil
}

// validMetadataKey reports whether Upload-Metadata can carry a key.
func validMetadataKey(key string) bool {
	return key != "" && isASCII(key) && !strings.Contains(key, ",")
}

// isASCII reports whether key has printable ASCII characters only.
func isASCII(key string) bool {
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
