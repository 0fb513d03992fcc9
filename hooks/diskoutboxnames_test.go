package hooks

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDiskOutboxValidate(t *testing.T) {
	_, err := OpenDiskOutbox(DiskOutboxOptions{Window: -1})
	for _, part := range []string{"Dir", "Records", "negative"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the mistake about %q is missing: %v", part, err)
		}
	}
}

func TestEntryNames(t *testing.T) {
	zone := time.FixedZone("east", 3*3600)
	at := time.Date(2026, 11, 29, 8, 41, 7, 123456789, zone)
	name, err := entryName("a_B-9", at)
	if err != nil || name != "20261129T054107.123456789Z-a_B-9" {
		t.Fatalf("the name is %q, %v", name, err)
	}
	if id, got, ok := parseName(name); !ok || id != "a_B-9" || !got.Equal(at) {
		t.Errorf("parsed as %q, %v, %v", id, got, ok)
	}
	if folder := folderOf(keyOf(name)); folder != "2026-11-29T0541" {
		t.Errorf("the folder is %q", folder)
	}
	if key, ok := keyOfFolder("2026-11-29T0541"); !ok || key != keyOf(name) {
		t.Errorf("the folder's key is %q, %v", key, ok)
	}
	for _, bad := range []string{"", "x", "2026-11-29T054", "2026-11-29T05411", "2026-11-29T0560", "2026-02-30T0541", "2026_11-29T0541", "2026-11-29t0541", "0000-00-00T0000"} {
		if _, ok := keyOfFolder(bad); ok {
			t.Errorf("%q is taken for a minute's folder", bad)
		}
	}
	for _, bad := range []time.Time{time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if name, err := entryName("x", bad); err == nil {
			t.Errorf("the name of %v is %q", bad, name)
		}
	}
}

// What parses, is made from the same id and time, and sorts in its minute.
func FuzzParseName(f *testing.F) {
	f.Add("20261129T054107.123456789Z-a_B-9")
	f.Add("20260230T054107.123456789Z-x")
	f.Add("20261129T054107.123456789Z-../x")
	f.Add("00000101T000000.000000000Z-x.tmp")
	f.Fuzz(func(t *testing.T, name string) {
		id, at, ok := parseName(name)
		if !ok {
			return
		}
		if again, err := entryName(id, at); err != nil || again != name {
			t.Errorf("%q is made again as %q, %v", name, again, err)
		}
		key, ok := keyOfFolder(folderOf(keyOf(name)))
		if !ok || key != keyOf(name) || name <= key || name >= lastOf(key) {
			t.Errorf("%q is not in its minute %q", name, key)
		}
	})
}

func TestSmallest(t *testing.T) {
	dir := t.TempDir()
	var all []string
	for n := range 1000 {
		name := nameOf((n * 617) % 1000)
		all = append(all, name)
		if err := os.WriteFile(dir+"/"+name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	for _, limit := range []int{1, 7, 100, 999, 1000, 1001} {
		var got []string
		after, cut := "", true
		for cut {
			f, err := os.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			names, cut, err = smallest(f, after, limit, func(string) bool { return true })
			if err = errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			if len(names) > limit || cut && len(names) != limit {
				t.Fatalf("%d names of at most %d, cut is %v", len(names), limit, cut)
			}
			if len(names) == 0 {
				break
			}
			got = append(got, names...)
			after = names[len(names)-1]
			if limit < 7 && len(got) > 20 { // the rest takes long
				break
			}
		}
		if !slices.Equal(got, all[:len(got)]) || limit >= 7 && len(got) != len(all) {
			t.Errorf("by %d: %d names, or in the wrong order", limit, len(got))
		}
	}
}
