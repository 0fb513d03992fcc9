package e2e

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// record is tusd's FileInfo as it lies beside an upload's data.
type record struct {
	ID             string
	Size           int64
	SizeIsDeferred bool
	Offset         int64
	MetaData       map[string]string
	IsPartial      bool
	IsFinal        bool
	PartialUploads []string
	Storage        map[string]string
}

// records reads every .info of an uploads folder. One that is just being made or removed is passed over.
func records(t *testing.T, folder string) []record {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var list []record
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".info") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var r record
		if len(text) == 0 {
			continue
		}
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatalf("%s: %v", entry.Name(), err)
		}
		list = append(list, r)
	}
	return list
}

// readRecord reads the record of one upload.
func readRecord(folder, id string) (r record, err error) {
	text, err := os.ReadFile(filepath.Join(folder, id+".info"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// dataSize is the size of an upload's data file, -1 when there is none.
func dataSize(folder, id string) int64 {
	info, err := os.Stat(filepath.Join(folder, id))
	if err != nil {
		return -1
	}
	return info.Size()
}

// sealed says whether an upload's data file has lost its write bits.
func sealed(folder, id string) bool {
	info, err := os.Stat(filepath.Join(folder, id))
	return err == nil && info.Mode().Perm()&0o222 == 0
}

// idOf is the id at the end of an upload's address.
func idOf(address string) string { return path.Base(address) }
