package main

deny contains msg if {
	not input.greeting in data.greetings
	msg := sprintf("%v is no greeting", [input.greeting])
}
