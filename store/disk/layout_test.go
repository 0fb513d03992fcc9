package disk

import (
	"encoding/json"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

func TestLayout(t *testing.T) {
	f := openFolder(t, t.TempDir())
	id := f.upload(handler.FileInfo{Size: 5, MetaData: handler.MetaData{"filename": "a"}}, "ab")
	if len(id) != 32 {
		t.Errorf("the id %q is not 32 hex digits", id)
	}
	mode := umasked(t, 0o644)
	f.wantFile(id, mode)
	f.wantFile(id+".info", mode)
	f.must(f.send(id, 2, "cde"))
	f.wantFile(id, mode&^0o222)
	f.wantFile(id+".info", mode)

	part := f.part("part")
	f.wantFile(part, mode&^0o222|0o100) // the bit by which the sweep knows it

	text, err := os.ReadFile(f.path(id + ".info"))
	f.must(err)
	var info handler.FileInfo
	f.must(json.Unmarshal(text, &info))
	created, err := time.Parse(time.RFC3339Nano, info.Storage["Created"])
	if err != nil || time.Since(created) > time.Minute {
		t.Errorf("created %q: %v", info.Storage["Created"], err)
	}
	delete(info.Storage, "Created")
	if info.ID != id || info.Size != 5 || info.MetaData["filename"] != "a" || !maps.Equal(info.Storage, map[string]string{"Plateau": "1"}) {
		t.Errorf("the record is %s", text)
	}

	final, err := f.concat(4, part)
	f.must(err)
	f.wantFile(final, mode&^0o222)
	f.wantFile(part, 0)
	f.wantFile(part+".info", mode)

	names, err := os.ReadDir(f.path("."))
	f.must(err)
	if len(names) != 5 {
		t.Errorf("the folder has %d files, want two each for the upload and the final, and one for the part: %v", len(names), names)
	}
}

// umasked is what mode becomes here.
func umasked(t *testing.T, mode os.FileMode) os.FileMode {
	t.Helper()
	f, err := os.OpenFile(t.TempDir()+"/x", os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return stat.Mode()
}
