package s3

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"plateau/store/s3/bucket"
)

// What a record may be, it is never a panic. What is accepted is of that upload, keeps to
// what later steps rely on, and is kept whole when it is written again.
func FuzzRecord(f *testing.F) {
	const id = "0193a5c1b2d30123456789abcdef0123"
	for _, text := range []string{
		"", "{", "null", "[]", `{"ID":"` + id + `"}`, `{"id":"` + id + `+0","size":1e3}`, `{"ID":"` + id + `","Size":-1}`,
		`{"ID":"` + id + `+VXBsb2Fk~x","Size":5,"Offset":3,"MetaData":{"filename":"a"},"IsFinal":true,"PartialUploads":["x","y"],"Storage":{"Plateau":"1","Parts":"0/8388608+"}}`,
		`{"ID":"` + id + `","Storage":{"Final":"../x"}}`, `{"ID":"` + id + `","Storage":{"Multipart":"a b"}}`, `{"ID":"` + id + `","Storage":{"Parts":"-1/5"}}`,
		`{"ID":"` + id + `","Size":9223372036854775807,"Storage":{"Parts":"10000/5368709120"}}`, "{\"ID\":\"" + id + "\",\"MetaData\":{\"\xff\":\"\\ud800\"}}",
	} {
		f.Add(id, []byte(text))
		f.Add(id+"+VXBsb2Fk~x", []byte(text))
	}
	f.Fuzz(func(t *testing.T, id string, text []byte) {
		info, err := parseRecord(id, text)
		if err != nil {
			if !errors.Is(err, errRecord) {
				t.Fatalf("the error doesn't say what it is about: %v", err)
			}
			return
		}
		object, multipart := splitID(info.ID)
		asked, _ := splitID(id)
		if !validID(info.ID) || object != asked || info.Size < 0 || strings.ContainsAny(object+multipart, "/ \x00") {
			t.Fatalf("accepted: %+v", info)
		}
		again, err := encodeRecord(info)
		if err != nil {
			t.Fatalf("encode %+v: %v", info, err)
		}
		second, err := parseRecord(id, again)
		info.Offset = 0 // the parts say what that is
		if err != nil || !reflect.DeepEqual(info, second) {
			t.Errorf("%s\nwas written as\n%s\nand read as %+v, error %v", text, again, second, err)
		}
		if carried, fits := metadataOf(info); fits {
			if back, ok := carriedRecord(id, bucket.Object{Metadata: carried}); !ok || !reflect.DeepEqual(back, info) {
				t.Errorf("carried by its object it is %+v, %v", back, ok)
			}
		}
		if g, ok := gridOf(info); ok {
			for _, n := range []int{1, 2, mostParts} {
				if size := g.part(n); size < leastPart || size > max(mostPart, g.size) {
					t.Errorf("part %d of %s has %d bytes", n, g, size)
				}
			}
		}
	})
}
