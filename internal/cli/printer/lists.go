package printer

import (
	"encoding/json"
	"reflect"
)

// withLists returns v with an empty list in place of every nil list, which JSON would show as null, because scripts iterate over
// lists. v stays as it is: results share parts, such as the layer types of kinds, with the rest of the program.
func withLists(v any) any {
	if v == nil {
		return nil
	}
	return fillLists(reflect.ValueOf(v)).Interface()
}

// fillLists returns the value with empty lists in place of nil ones.
func fillLists(v reflect.Value) reflect.Value {
	if v.Type().Implements(reflect.TypeFor[json.Marshaler]()) {
		return v
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			target := reflect.New(v.Type().Elem())
			target.Elem().Set(fillLists(v.Elem()))
			return target
		}
	case reflect.Interface:
		if !v.IsNil() {
			return fillLists(v.Elem())
		}
	case reflect.Slice:
		return fillSlice(v)
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		entries := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, key := range v.MapKeys() {
			entries.SetMapIndex(key, fillLists(v.MapIndex(key)))
		}
		return entries
	case reflect.Struct:
		whole := reflect.New(v.Type()).Elem()
		whole.Set(v)
		for i := range whole.NumField() {
			if field := whole.Field(i); field.CanSet() {
				field.Set(fillLists(field))
			}
		}
		return whole
	}
	return v
}

// fillSlice returns a list that is not nil, with its elements filled.
func fillSlice(v reflect.Value) reflect.Value {
	if v.Type().Elem().Kind() == reflect.Uint8 { // bytes are not a list in JSON
		return v
	}
	elements := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		elements.Index(i).Set(fillLists(v.Index(i)))
	}
	return elements
}
