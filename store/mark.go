package store

import (
	"maps"

	"github.com/tus/tusd/v2/pkg/handler"
)

// keyMark is the key of a record's Storage map by which it is known that we made the
// record or wrote to the upload; format is its value.
const (
	keyMark = "Plateau"
	format  = "1"
)

// Marked reports whether one of our stores made the record or wrote to the upload.
// What is complete without the mark was finished by tusd, and makes no event.
func Marked(info handler.FileInfo) bool { return info.Storage[keyMark] != "" }

// Mark returns the record with our mark, and with the extra key and value if key
// isn't empty. It changes no map that others may hold.
func Mark(info handler.FileInfo, key, value string) handler.FileInfo {
	storage := maps.Clone(info.Storage)
	if storage == nil {
		storage = make(map[string]string, 3)
	}
	storage[keyMark] = format
	if key != "" {
		storage[key] = value
	}
	info.Storage = storage
	return info
}
