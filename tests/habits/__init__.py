"""What servers and gateways really send, one folder a habit: what is sent, and what is expected of it.

A folder has `expected.yaml` and the responses `1.http`, `2.http` and so on, to the byte; the last one answers
all later requests. A response without a length ends with its connection. Instead a folder may have
`answers.yaml`, a list of which the first that fits a request is its answer: `when` are patterns of its
parameters and headers (null for none), `status`, `headers` and `body` the answer; `rows` is a number of
services of which the requested part is `in` a member, next to the members `with`. `expected.yaml` has

* `records`: the ids of the services that are exported, sorted; or their number;
* `exports`: what `/metrics` contains; a text or several;
* `complete`: whether the crawl is (by default it is, without an `error`);
* `error`, `hint`: what the last error of the collection and its hint contain; a text or several;
* `reason`: the reason of the error, as the metric label has it;
* `requests`: the number of requests of the first refresh;
* `settings`: what is merged into the configuration; `refreshes`: how many of them there are, one by default.
"""
