"""What servers and gateways really send, one folder a habit: what is sent, and what is expected of it.

A folder has `expected.yaml` and the responses `1.http`, `2.http` and so on, to the byte; the last one answers
all later requests. A response without a length ends with its connection. `expected.yaml` has

* `records`: the ids of the services that are exported, sorted;
* `exports`: what `/metrics` contains; a text or several;
* `complete`: whether the crawl is (by default it is, without an `error`);
* `error`, `hint`: what the last error of the collection and its hint contain; a text or several;
* `reason`: the reason of the error, as the metric label has it;
* `requests`: the number of requests of the first refresh;
* `settings`: what is merged into the configuration; `refreshes`: how many of them there are, one by default.
"""
