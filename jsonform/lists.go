package jsonform

import (
	"strconv"

	"github.com/tilltape/tilltape/events"
)

// list is objects, left out where there are none.
func list[T any](f *form, name string, v *[]T, members func(*form, *T)) {
	entries(f, name, v, func(at, i int, t *T) {
		step := entry(name, i)
		if f.writing {
			f.b = append(f.b, '{')
			f.step(step)
			members(f, t)
			f.close(outer{})
			return
		}
		if o, ok := f.enter(step, at); ok {
			members(f, t)
			f.close(o)
		}
	})
}

// numbers is a list of them, left out where there are none.
func (f *form) numbers(name string, v *[]uint64) {
	entries(f, name, v, func(at, i int, n *uint64) {
		if f.writing {
			f.b = append(strconv.AppendUint(append(f.b, '"'), *n, 10), '"')
			return
		}
		f.readNumber(entry(name, i), n, at)
	})
}

// keys is a list of them, left out where there are none.
func (f *form) keys(name string, v *[]events.Key) {
	if f.writing && len(*v) == 0 { // as most records: it saves the function below
		return
	}
	entries(f, name, v, func(at, i int, k *events.Key) {
		if f.writing {
			var ok bool
			if f.b, ok = appendText(f.b, string(*k)); !ok {
				f.fail(entry(name, i), "is not UTF-8; give text")
			}
			return
		}
		s, _ := f.string(entry(name, i), at)
		*k = events.Key(s)
	})
}

// entries walks the entries of a list: one is told its node where that is read, its number, and its value.
func entries[T any](f *form, name string, v *[]T, one func(at, i int, t *T)) {
	if f.writing {
		if len(*v) == 0 {
			return
		}
		f.name(name)
		f.b = append(f.b, '[')
		for i := range *v {
			if i > 0 {
				f.b = append(f.b, ',')
			}
			one(0, i, &(*v)[i])
		}
		f.b = append(f.b, ']')
		return
	}
	at := f.member(name)
	if !f.is(name, at, '[') {
		return
	}
	end := at + int(f.nodes[at].size)
	for at++; at < end && f.err == nil; at += int(f.nodes[at].size) {
		var t T
		one(at, len(*v), &t)
		*v = append(*v, t)
	}
	if len(*v) == 0 {
		f.fail(name, "is empty; leave it out")
	}
}

// entry is what an entry of a list is called in errors.
func entry(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
