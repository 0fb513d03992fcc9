package disk

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/sys/unix"
)

// umaskVariable is set where the tests run once more, under that umask.
const umaskVariable = "PLATEAU_TEST_UMASK"

func TestMain(m *testing.M) {
	if text := os.Getenv(umaskVariable); text != "" {
		mask, err := strconv.ParseUint(text, 8, 12)
		if err != nil {
			panic(err)
		}
		unix.Umask(int(mask))
	}
	os.Exit(m.Run())
}

// TestUmask runs the tests once more, in a process whose files nobody else may
// read: seals are known by bits that no umask takes away.
func TestUmask(t *testing.T) {
	if os.Getenv(umaskVariable) != "" {
		t.Skip("this is that process")
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), executable, "-test.run=^Test", "-test.skip=^(TestUmask|TestContract)$", "-test.timeout=2m")
	again.Env = append(os.Environ(), umaskVariable+"=077")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("under umask 077: %v\n%s", err, out)
	}
}

// The sweep costs one stat for each sealed upload: it doesn't even notice that
// the record is broken.
func TestSweepReadsNoRecordOfWhatIsSealed(t *testing.T) {
	f := openFolder(t, t.TempDir())
	id := f.upload(handler.FileInfo{Size: 3}, "abc")
	final, err := f.concat(2, f.part("x"), f.part("y"))
	f.must(err)
	part := f.part("part")
	if n := f.sweep(); n != (Swept{}) {
		t.Errorf("the sweep of a healthy folder counts %+v", n)
	}
	f.put(id+".info", "{")
	f.put(final+".info", "{")
	if n := f.sweep(); n != (Swept{}) {
		t.Errorf("the sweep counts %+v", n)
	}
	f.put(part+".info", "{") // a part's is read: its bytes may have to go
	if n := f.sweep(); n.Unusable != 1 || n.Example != part {
		t.Errorf("the sweep counts %+v", n)
	}
}
