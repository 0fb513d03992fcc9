package server

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Names as clients are known to send them.
var dispositions = map[string]formPart{
	`form-data; name="file"; filename="a b.txt"`:       {"file", "a b.txt", true},
	`form-data; name=file; filename=a b.txt`:           {"file", "a b.txt", true},
	`FORM-DATA;name=file;FileName=a.txt`:               {"file", "a.txt", true},
	`form-data; filename="a.txt"; name="file"`:         {"file", "a.txt", true},
	`form-data; name="note"`:                           {"note", "", false},
	`form-data; name="file"; filename=""`:              {"file", "", true},
	`form-data; name="file"; filename`:                 {"file", "", true},
	`form-data`:                                        {},
	`form-data;;;`:                                     {},
	`attachment; name="file"; filename="a"`:            {},
	``:                                                 {},
	`form-data; name="file"; filename="Ünïcode ☃.txt"`: {"file", "Ünïcode ☃.txt", true},
	`form-data; name="file"; filename="plain.txt"; filename*=UTF-8''%E2%98%83.txt`:   {"file", "☃.txt", true},
	`form-data; name="file"; filename*=utf-8'en'%E2%98%83.txt; filename="plain.txt"`: {"file", "☃.txt", true},
	`form-data; name="file"; filename*=ISO-8859-1''na%EFve.txt`:                      {"file", "naïve.txt", true},
	`form-data; name="file"; filename="plain.txt"; filename*=koi8-r''%C1`:            {"file", "а", true},
	`form-data; name="file"; filename="plain.txt"; filename*=UTF-8''%zz`:             {"file", "%zz", true},
	`form-data; name="file"; filename="plain.txt"; filename*=UTF-8''%ff`:             {"file", "ÿ", true},
	`form-data; name="file"; filename*=gbk''%C4%E3.txt`:                              {"file", "你.txt", true},
	`form-data; name="file"; filename*=UTF-8''100%.txt`:                              {"file", "100%.txt", true},
	`form-data; name="file"; filename*=klingon''a%FF.txt`:                            {"file", "aÿ.txt", true},
	`form-data; name="file"; filename*=a.txt`:                                        {"file", "a.txt", true},
	`form-data; name="file"; filename*0="ver"; filename*1="y long.txt"`:              {"file", "very long.txt", true},
	`form-data; name="file"; filename*0*=utf-8''%E2%98; filename*1*=%83.txt`:         {"file", "☃.txt", true},
	`form-data; name="file"; filename="=?shift_jis?B?g2WDWINnLnR4dA==?="`:            {"file", "テスト.txt", true},
	`form-data; name="file"; filename="=?UTF-8?B?w6QudHh0?="`:                        {"file", "ä.txt", true},
	`form-data; name="file"; filename="=?iso-8859-1?Q?=E4.txt?="`:                    {"file", "ä.txt", true},
	`form-data; name="file"; filename="=?what.txt"`:                                  {"file", "=?what.txt", true},
	"form-data; name=\"file\"; filename=\"na\xefve \x80.txt\"":                       {"file", "naïve €.txt", true},
	`form-data; name="file"; filename="a%22b%0D%0A.txt"`:                             {"file", `a"b.txt`, true},
	`form-data; name="file"; filename="a\"b\\c.txt"`:                                 {"file", `c.txt`, true},
	`form-data; name="a\"b"; filename="a;b=c.txt"`:                                   {`a"b`, "a;b=c.txt", true},
	`form-data; name="file"; filename="C:\Users\new\a.txt"`:                          {"file", "a.txt", true},
	`form-data; name="file"; filename="\\server\share\a.txt"`:                        {"file", "a.txt", true},
	`form-data; name="file"; filename="../../etc/passwd"`:                            {"file", "passwd", true},
	`form-data; name="file"; filename="/"`:                                           {"file", "", true},
	`form-data; name="file"; filename=".."`:                                          {"file", "", true},
	`form-data; name="file"; filename="a` + "\x00\x1f\x7f" + `b"`:                    {"file", "ab", true},
	`form-data; name="file"; filename="unclosed.txt`:                                 {"file", "unclosed.txt", true},
	`form-data; name="file"; filename="closed"trailing; x=y`:                         {"file", "closed", true},
	`form-data; name="file"; filename="a"; filename*=UTF-8''..%2F..%2Fetc%2Fshadow`:  {"file", "shadow", true},
}

func TestDispositions(t *testing.T) {
	for header, want := range dispositions {
		if got := parseDisposition(header); got != want {
			t.Errorf("%q: %+v, want %+v", header, got, want)
		}
	}
}

// Whatever comes, a name has characters that JSON and file systems take, and no path.
func FuzzDisposition(f *testing.F) {
	for header := range dispositions {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		p := parseDisposition(header)
		if !utf8.ValidString(p.file) || strings.ContainsAny(p.file, "/\\\x00\r\n") || p.file == "." || p.file == ".." {
			t.Errorf("%q: file %q", header, p.file)
		}
		if !utf8.ValidString(p.field) {
			t.Errorf("%q: field %q", header, p.field)
		}
	})
}
