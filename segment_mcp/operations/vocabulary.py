"""What people say, and the words of Segment's operations that it stands for.

Plain tables for the search, in lower case, as people write it. The search stems all of them, so that one form of a
word stands for the others. Ways to say a thing are separated by commas.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP = _words(
    """
    a about add added adding after again ago ah all along already also always am an and any anybody anyone anything
    are aren as aside at away back be because been before being best bin both bring but by came can cannot change
    changed changes changing come comes could couldn create created creates creating d delete deleted deletes
    deleting did didn ditch do does doesn doing don done down during each edit either else end ends etc even ever
    every everybody everyone everything few find for from further gave get gets getting give given gives giving go
    goes going gone good got had happen happens has hasn have haven having he help her here hers hi him his hm how
    however i id ids if in instead into is isn it its itself just keep kept kill know known let lets like list
    listing lists ll longer look looks lot m made make makes making many may maybe me mean means meant might mine
    more most much must mustn my need needed needn needs neither never new no nobody none nor not nothing now
    obsolete of off oh ok okay on once one ones only onto or other others ought our ours out over overview own per
    perhaps please possible put puts quite rather re read really register remove removed removes removing rid right
    s said say says scrap see seem seems segment segments set sets shall she should shouldn show shows since so some
    somebody somehow someone something somewhere soon still such superfluous sure t take taken takes tell than thank
    thanks that the their theirs them themselves then there these they thing things this those though through throw
    thrown thus till time to today together tomorrow tonight too towards trash twilio two under until up update
    updated updates updating upon us use used uses using ve very via view want wanted wants was wasn way we well
    went were what whatever when whenever where whether which while who whole whom whose why will with within
    without won would wouldn x yes yesterday yet you your yours
    """
)
"""Words that say nothing of what is meant, or only what is to be done with it: that is read from `SAID`."""

MEANS: dict[str, str] = {
    "apicall": "api call",
    "audience": "cohort, linked list of people",
    "audit": "audit event, audit log, audit trail",
    "code": "source code, javascript, script, snippet",
    "computedtrait trait": (
        "computed trait, computed field, calculated attribute, calculated field, calculated profile field, calculated "
        "trait, computed attribute"
    ),
    "connect": "hook up, wire, plug in, link",
    "credential": "login details, key pair, keypair, password, username, user name, secret",
    "destination": "integration, connector",
    "destination adplatform": "ad account, ad network, ad platform",
    "entity datagraph": "data graph",
    "erase": "forget, be forgotten, right to be forgotten, erasure, wipe, purge, anonymise, anonymize",
    "function code": "custom code",
    "function destination": "destination function, custom destination, custom integration",
    "function source": "source function, custom source",
    "insertfunction function": "insert function",
    "liveplugin": "live plugin, over the air",
    "login": "log in, sign in, log on, logged in",
    "mtu": "monthly tracked user, tracked user, mtus",
    "optin": "opt in, opted in, opt-in",
    "optout": "opt out, opted out, opt-out, unsubscribe",
    "preview": "dry run, estimate",
    "profile identitygraph": "identity graph",
    "profile warehouse": "profiles sync, profile sync, golden profile",
    "region": "data centre, data center",
    "restore": "roll back, rollback, revert, go back, bring back",
    "retl": "reverse etl",
    "source": "data source",
    "source cloud": "cloud app, cloud source",
    "stale": "out of date, outdated",
    "subscription": "mapping",
    "trackingplan": "tracking plan, tracking spec, data dictionary, event dictionary, spec",
    "transit": "in flight, on the fly, on the way, on their way, in transit",
    "unify space": "unify space, personas space, engage space",
    "usergroup": "user group, team, group",
    "warehouse": "data warehouse, data lake",
    "writekey": "write key",
}
"""By what is meant: the ways to say it, in what people ask and in the operations' own texts alike."""

LIKELY: dict[str, str] = {
    "activation": (
        "when someone enters, someone joins, somebody joins, enters, entered, falls out, drops out, exits, resend, "
        "resync, sets off, notify, notified"
    ),
    "apicall": (
        "throughput, requests counted, api volume, api traffic, api requests, api usage, burned through, burnt through"
    ),
    "audience": (
        "vip, vips, lapsed, dormant, loyal, high value, at risk, leads, prospects, subscribers, people who, customers "
        "who, users who, everybody who, everyone who, those who, visitors who, somebody who, people that, users that, "
        "customers that, users with, customers with, people with, all customers, all users, users are in, people are "
        "in, segment, members, group all, list of people, list of customers, everyone with, everybody with, shoppers, "
        "buyers, everyone that, abandoned, rule defines, who bought, who have, who has not"
    ),
    "audit": (
        "trail, since yesterday, since monday, changelog, by whom, history, activity, responsible, log, who did, when "
        "did, who changed, who deleted, who removed, who added, what happened, last changes, recent changes, changed "
        "recently, trace"
    ),
    "batch": "array of, bunch of, pile of, several events, these events, collected events",
    "catalog": (
        "support, kinds of, kind of, what kinds, type of, available, offer, can we connect, could connect, could use, "
        "can connect, integrate with, work with, talk to, fill in, possible, exist for, there a connector, asked for, "
        "ask for, have to give, need to give, required, imports, can twilio, does twilio, could twilio, get data out "
        "of, fetch data from, pull data, among the, has to be entered, what settings does, what fields does, one "
        "need, do i need, there an integration, in the catalog, ready made, looking for an integration, work as a, "
        "mandatory for, would it work"
    ),
    "collection": "table, tables",
    "column": "field, attribute, property, properties",
    "computedtrait": (
        "lifetime value, ltv, predicted, calculate, calculated, compute, computes, computed, aggregate, sum, summed, "
        "average, worked out, formula, total of, number of, most frequent, favourite, work out, count how, total, how "
        "often each, first purchase, last purchase"
    ),
    "connection state": "reachable, reach, alive, get into, working, still log",
    "consumer": (
        "break, depend, depends, rely, relies, used by, affected, impact, what uses, who uses, is using, built on, "
        "used anywhere, refer, refers, references, where is it used, is it used, anything use, what is using, who is "
        "using, what would break, would break, still needed, in use by"
    ),
    "credential": "login, logins, stored account, access, shared account, keys, stored user, service account",
    "day": "daily, each day, per day, month, week, day by day",
    "delivery": (
        "arrive, arrived, arriving, reach, reached, delivered, make it into, get through, got through, take in, get "
        "to, got to, received by, land in, landed in, show up in, turn up in, came through, go through, made it to, "
        "make it to, got into, get into"
    ),
    "deploy": (
        "release, ship, publish, take effect, go live, push live, live, rollout, roll out, production, active, "
        "activate it, live now, in production, take it live, effective"
    ),
    "destination": (
        "connection, connections, analytics tool, marketing tool, goes to, go to, where do, where does, gets data, "
        "get data, tool, output, vendor, receiver, crm, partner, push to, send to, forward, pass on, downstream, "
        "third party, sent on, ads, plugged in, plug into"
    ),
    "destination adplatform": "advertise, advertising, campaign, retargeting, custom audience, ad",
    "echo": "ping, fake, pretend, simulate, hello, api answers, api answer, api up, api alive",
    "email": "address, mail, newsletter",
    "entity": (
        "object, household, relationship, related, relate, join, linked, relations, structure of, hang on, hangs on, "
        "linked to users"
    ),
    "event": "happened, happens, tracked, call, calls, click, clicks, conversions, purchases, payload",
    "failed": (
        "fails, failure, missing, bad, faulty, unsuccessful, bounce, bouncing, bounced, refuse, refuses, reject, "
        "rejects, errors, error, accept, failing, fail, broken, giving back, got nothing, going wrong, wrong, didn't "
        "pass, lost, not arriving, invalid, junk, malformed, thrown out, won't take, not accepted, rejected, "
        "complain, complains, bad request, trouble, problems, problem, failures, couldn't be delivered, couldn't "
        "deliver, not delivered, undelivered"
    ),
    "filter": (
        "exclude, keep out, kept out, block, blocked, unblock, strip, hold back, held back, withhold, pii, sensitive, "
        "noise, bot, spam, internal, sampling, percent, rule, condition, mustn't leave, don't send, let through, let "
        "pass, keep from, doesn't need to see, shouldn't get, shouldn't reach, don't let, fql, drop, throttle, do not "
        "send, do not forward, should not reach"
    ),
    "filtered": "dropped, blocked, thrown away, held back, filtered out, kept out, discarded, never got, lose, lost",
    "function": "webhook, webhooks, handler, lambda, code, script, receiver, javascript",
    "group": "company, account, organisation, organization",
    "hour day": "o'clock, hourly, daily, nightly, at night, every night, morning, noon, midnight, evening, every hour",
    "identifi": "by phone, by phone number, by mail, by email, recognise, recognize, matched by, match by",
    "identify": "on the profile, trait to, trait of user",
    "ingress": (
        "come in, came in, coming in, comes in, received, arrival, take in, arriving at twilio, get into twilio, "
        "twilio get, twilio receive, twilio refuse, twilio still get, twilio take, still sending, sending anything, "
        "alive, gone silent, silent"
    ),
    "insertfunction": (
        "in front of, in between, enrichment, enrich, before it goes, converter, masking, middleware, check before, "
        "go through, runs before, run before, goes through, sits before, runs in front, step before, before each, pre "
        "process, ahead of, detector, before events reach, from before"
    ),
    "invite": (
        "not signed up, pending, invitation, invitee, asked to join, let in, let her in, let him in, bring in, no "
        "login yet, new colleague, not joined, haven't joined, haven't accepted, accept, hasn't accepted, on board, "
        "bring on board, join us, joining us"
    ),
    "label": "tags, tagged, environment, tag, brand, marked, mark, categorise, env",
    "liveplugin": (
        "edge, signals, on the device, on the phone, on phones, installed apps, app store, device code, shipped to "
        "phones, inside the app"
    ),
    "messag subscript consent": (
        "still email, still text, still message, sms, whatsapp, newsletter, marketing emails, text messages, stop "
        "mailing, stop texting, mailing, unsubscribed, subscribed to, agreed to, opted, promotional, phone numbers"
    ),
    "metric": (
        "delivery stats, stats, statistics, numbers, latency, slow, success rate, retried, retries, discarded, "
        "expired, share of, how well, rate"
    ),
    "model": (
        "query, sql, select, statement, read out of our warehouse, rows out, push rows, out of the warehouse, from "
        "the warehouse"
    ),
    "mtu": "how many users do we, unique users, active users, monthly users",
    "name": "rename, called, title, call it, typo, reword, wording, named",
    "permission": (
        "privileges, privilege, downgrade, upgrade, read only, write access, edit access, restricted, access, rights, "
        "role, roles, admin, administrator, owner, editor, viewer, allowed, allowed to, able to, may, policy, "
        "read-only, manage, be able, touch, only look, view rights, can do in, allowed to do, see everything, only "
        "see, may see, edit rights, full access"
    ),
    "profile": "identity, identities, customer, customers, person, people, golden, unified",
    "property": (
        "attribute, field, column, parameter, carry, carries, attached, comes along, come along, come with, came with"
    ),
    "regulation": (
        "subject request, dsar, traces of, gdpr, ccpa, dsgvo, lgpd, privacy, erase, forgotten, consent, objected, "
        "never collect, refuse to collect, suppress, unsuppress, personal data, private data, right to, deletion "
        "request, asked to be deleted, wants to be deleted, data deleted, delete everything about, delete all data, "
        "everything we know about, withdrew, right of erasure, data subject, delete a person, erase a person, stop "
        "tracking, wanted their data gone, data gone, wants out"
    ),
    "rule": (
        "event schema, required, mandatory, optional, planned, property type, documented, a number, a string, data "
        "type, event names, in the plan, out of the plan, definition, allowed values, property must, events must, "
        "expected, supposed to, should be a number, defined, definition of the event"
    ),
    "run": "recompute, refresh, again, kick off, execute, start, recalculate",
    "sample value": (
        "typical, example, content, values, possible values, actual values, look like, do people put, possible, "
        "usually find, do we find, found among, which values, what values, real values, some values, actually look, "
        "show up in, occur, occurs"
    ),
    "schedule": (
        "frequency, cadence, how often, every, each day, each week, hourly, daily, weekly, nightly, monday, sunday, "
        "interval, timetable, times, when does, when is, by itself, on its own, automatically, noon, midnight, "
        "morning, o'clock, too often, recalculated, once a week, once a day, due, next run, next time, weekdays, "
        "weekend, on mondays, each morning, cron, at night, at noon, at midnight, mondays, tuesdays, wednesdays, "
        "thursdays, fridays, tuesday, thursday, hours, rhythm"
    ),
    "schema setting unplanned": (
        "unplanned, not in the plan, unknown, not planned, nobody planned, isn't in the plan, aren't in the plan, "
        "aren't part of, doesn't know, strict, violation, violations, violating"
    ),
    "selectivesync sync": (
        "table, tables, column, columns, leave out, left out, don't load, don't sync, skip, skipped, parts of, spare, "
        "ignore the table, without the"
    ),
    "setting": "configured, configuration, config, options, api key, token, region, port, host",
    "size": (
        "how big, how large, how many people, how many users, how many members, how many would, how many are in, "
        "number of people, head count, headcount"
    ),
    "source": (
        "sdk, library, microservice, app, website, site, shop, store, page, blog, backend, frontend, server, android, "
        "ios, iphone, kotlin, swift, flutter, react, node, python, java, php, ruby, input, crm, web, terminal, "
        "mobile, platform, kiosk, game, portal, landing page, checkout, helpdesk, import, feed, service, extension, "
        "clicks, set up tracking, report to, reports to, sends us, feeds us, send its events, receive its events, "
        "sending data into, sends data, sending to, coming from, device, desktop, collecting, installed, producer, "
        "stream, deliver its events, imported from"
    ),
    "space": "unify, personas, engage, profiles, environment, dev and prod",
    "subscription": (
        "action, actions, mapped, map, whenever, fires, fire, triggers, each time, every time, for every, upsert, as "
        "an event, each time someone, whenever someone, when someone signs up"
    ),
    "suppression": (
        "suppressed, refuse, refusing, objected, do not track, don't track, blocked, blocklist, not tracked, consent, "
        "refusing to collect, whose data, objecting, do we ignore, stop tracking"
    ),
    "sync": "load, loads, loaded, loading, last night, run, runs, job, stale, fresh, finish, finished, failed",
    "test": (
        "preview, before we turn, before turning, what would happen, what would it do, see what, try, check, verify, "
        "validate, work, works"
    ),
    "trackingplan": (
        "schema, specification, event spec, governance, plan, plans, taxonomy, contract, dictionary, standard, keep "
        "to, comply, obey, adhere"
    ),
    "trait": (
        "user property, user properties, profile field, profile fields, attribute, field, characteristic, about "
        "people, about users, on our users, we store on, know about, store about"
    ),
    "transformation": (
        "reshape, remap, recode, clean up, on the fly, rename, rewrite, rewritten, convert, misspelled, misspelt, "
        "typo, correct, arrive as, become, hash, mask, lower case, before they are passed, before it gets to, turn "
        "into, alter, alters, change our events, changing in our events, same everywhere, without touching, before "
        "anything gets, in transit, on its way, wrong name, wrongly named, spelled, lowercase, hashed, renaming, "
        "renamed, fix the name, normalise, normalize"
    ),
    "usage": "bill, billing, invoice, cost, costs, quota, allowance, overage, limit, consumption, expensive, contract",
    "user": (
        "somebody's account, seat, seats, her account, his account, colleague, teammate, coworker, employee, member, "
        "person, people, staff, freelancer, contractor, analyst, intern, developer, offboard, onboard, lock out, "
        "login, works here, left the company, leaves the company, account, get into our, can log in, log in here, who "
        "can get, has access, gets access, no longer works, her access, his access, their access, left us, leaves us, "
        "quit, new hire, somebody new, someone new, on board, viewer, locked out"
    ),
    "usergroup": "who is in, who's in, belongs to, department, squad, belongs, belong, unit, become part of",
    "version": "revision, earlier, previous, used to be, back to, older, old code, how it was",
    "volume event": (
        "noisy, noisiest, loudest, spike, spikes, dip, surge, traffic, how many events, events a day, busiest, event "
        "numbers, number of events, how much traffic, event count, event counts, how many calls, number of calls, "
        "total events, most often, sent most, most frequent event"
    ),
    "warehouse": (
        "database, cluster, host, db, store, stored, storage, land, load, raw data, data get stored, data is stored, "
        "store our data, do we store our, dwh, writes to, table, pump, kept in, stored in"
    ),
    "workspace": (
        "eu, which region, us region, data residency, whose token, my token, this token, organization, organisation, "
        "company, tenant, account, logged in to"
    ),
    "writekey": "key, second key, own key, new key, leaked key",
}
"""By what is likely meant: the ways to say it. These count for less than the word itself.

The company itself is called Twilio here: a segment is an audience.
"""

PRODUCTS: dict[str, str] = {
    "warehouse": (
        "azure, azure sql, sql server, gcs, athena, snowflake, bigquery, big query, redshift, databricks, postgres, "
        "postgresql, synapse, db2, s3, clickhouse"
    ),
    "destination": (
        "commandbar, command ai, appcues, reddit, bing, microsoft ads, the trade desk, amazon ads, adroll, outbrain, "
        "taboola, rudderstack, kissmetrics, yotpo, zendesk, dynamic yield, movable ink, responsys, pardot, eloqua, "
        "salesforce marketing cloud, pipedrive, kinesis, eventbridge, pubsub, google sheets, matomo, qualtrics, "
        "totango, churnzero, custify, mixpanel, amplitude, braze, facebook, meta, tiktok, google ads, google "
        "analytics, google, ga4, ga, iterable, heap, klaviyo, intercom, hubspot, customer.io, customer io, appsflyer, "
        "adjust, branch, optimizely, fullstory, hotjar, linkedin, pinterest, pinterest ads, snapchat, twitter, slack, "
        "marketo, mailchimp, sendgrid, pendo, salesforce, webhooks, zapier, airship, moengage, clevertap, onesignal, "
        "launchdarkly, posthog, criteo, attentive, outreach, gainsight, vwo, userpilot, netsuite, adobe target, adobe "
        "analytics"
    ),
    "source": (
        "chargebee, recurly, pendo, github, jira, klaviyo, hubspot, sendgrid, intercom, stripe, zendesk, typeform, "
        "shopify, salesforce, mailchimp, marketo, square, webflow, wordpress, magento"
    ),
}
"""Well-known names, by what they mostly are to Segment. A name may stand in several."""

FEATURES = _words("destination engage insights personas profiles protocols reverse source unify warehouse")
"""Words that are not names, though people write them with a capital."""

THINGS = (
    "sources destinations warehouses filters labels rules functions versions instances transformations users "
    "groups teams roles invites invitations spaces audiences cohorts schedules activations traits events "
    "properties entities models syncs credentials mappings subscriptions regulations suppressions connectors "
    "integrations tools runs loads plans tags permissions rights requests values members colleagues apps "
    "databases logins columns fields attributes previews revisions"
)
"""What there may be one or several of: the first of them in a question says whether one is asked for."""

ID_PREFIXES: dict[str, str] = {
    "activation": "act",
    "audience": "aud",
    "computedtrait": "ct",
    "credential": "cred",
    "destination": "dst dest",
    "filter": "flt fltr",
    "function": "dfn dfnd sfn sfnd ifn ifnd fn",
    "insertfunction": "ins",
    "model": "mdl",
    "preview": "prev prv",
    "regulation": "reg",
    "schedule": "sch",
    "source": "src",
    "space": "spa",
    "subscription": "sub",
    "trackingplan": "tp rs",
    "transformation": "tr trf",
    "user": "usr",
    "usergroup": "grp ug",
    "warehouse": "wh whs",
}
"""What an id belongs to, by how it begins."""

SAID: dict[str, str] = {
    "list": (
        "list, all, which, how many, who, any, every, export, overview, inventory, exist, exists, are there, do "
        "we have, have we"
    ),
    "get": "details, detail, this, id, called, named, about, definition, look at, look up, tell me about",
    "create": (
        "create, add, a new, another, an additional, set up, setup, build, hook up, hook, install, introduce, "
        "define, attach, link, invite, register, grant, additionally, plug in, begin, connect, wire, generate, "
        "map, mark, tag, open a, start a, put up, suppress, calculate, remember, upload, merge, assign, forward, "
        "fire, pipe, on top of, form a, besides, pull in, open an, spin up, onboard, draft, collect everyone, set "
        "that up, set it up, wrap, prepare, set it going, transmit"
    ),
    "update": (
        "update, change, edit, rename, modify, adjust, enable, disable, pause, resume, unpause, correct, fix, "
        "rotate, swap, increase, raise, lower, extend, reduce, tweak, activate, deactivate, toggle, configure, "
        "become, rewrite, reconfigure, loosen, tighten, halt, mute, unmute, freeze, the new, has a new, got a "
        "new, is wrong, resend, instead of, from now on, leave out, switch, needs a new, new password, new token, "
        "new key, new secret, new name, has a new name, include, reword, retitle, relabel, restrict, permit, "
        "changed to, now called, flip, on hold, demote, promote, spare, stricter, for now, temporarily, for a "
        "while, want it back, over the weekend, over the holidays, broaden, narrow, improve, once more, relax, "
        "shrink, lacks"
    ),
    "replace": (
        "replace, overwrite, exactly, precisely, nothing else, nothing more, completely, in place of, in their "
        "place, everything else, anyone else, all others, nobody else, from scratch, anything else, other roles, "
        "full set, complete, entire, entirely, should carry only, only look, strip, reset, consists of, whatever, "
        "plain"
    ),
    "delete": (
        "delete, remove, drop, strike, ditch, superfluous, obsolete, end it, close, no more, may go, destroy, "
        "invalidate, unpublish, kill, get rid of, rid, throw, discard, erase, forget, wipe, purge, revoke, "
        "withdraw, take off, take away, take out, take her off, take him off, take them off, take it off, take "
        "that off, cut off, cancel, disconnect, detach, unlink, decommission, retire, shut down, clear away, "
        "clean out, bin, dissolve, disband, lift, offboard, unsubscribe, take back, kick out, trash, uninstall, "
        "can go, should go, get out of, lock out, stop, abort, is history, away with, exclude, scrap, unhook, "
        "free, shut out, cut, undo, get it out, break up, disappear, take it out, take it back, pull back, any "
        "more, anymore, any longer, no longer, isn't needed, isn't wanted, not needed, needn't, doesn't need, "
        "nobody needs, no one needs, must not, mustn't, block, hide, unblock, throw away, throw out, rip out, "
        "pull the invitation, lock them out, lock him out, lock her out, no longer works, kick, dismantle, give "
        "up, rid of, quit, unplug, clear out, lose access, had its day, served its purpose, no purpose"
    ),
    "run": (
        "run, trigger, kick off, launch, force, execute, immediately, right away, right now, deploy, at once, go "
        "live, publish, restore, roll, roll back, go back, release, pull, recompute, compute, push, refresh, "
        "bring"
    ),
}
"""What is to be done, by what says so, in just this form: who speaks of deletions does not delete."""

HINTED: dict[str, str] = {
    "list": "what, whose, whom, each",
    "get": "is, what's",
    "create": (
        "want, need, new, make, put, put in, save, store, record, report, note, log, also, too, send, allow, let, "
        "apply, use, write, whenever, when, launching, starts, join, joins, be able, keep, give, start, buy, "
        "bought, count, every, each, tell, hash, mask, match, check, load, copy, validate, hold, do not"
    ),
    "update": (
        "should, must, ought, instead, call, called, set, turn, point, move, moved, make, now, also, different, "
        "wrong, keep, off, only, put, skip, let, rather, hash, got, has, too, enough, needs, give, not, don't, "
        "new, match, every"
    ),
    "replace": "only, whole, match, rest, make, just",
    "delete": (
        "left, leave, quit, quits, end, away, gone, old, shouldn't, doesn't, not, never, off, out, don't, again, "
        "clear, clean, ended, obsolete, let, do not"
    ),
    "run": "now, start, sync, again, send, newest, latest, push",
}
"""What may be to be done, by what says so now and then: it counts for less."""

ASKS = _words(
    """
    am are can check compare could count describe did display do does explain export fetch find had has how hows is
    list look may name plot print read see show tell view was were what whats where wheres whether which who whom whos
    whose why will would
    """
)
"""A wish that begins with one of these asks, whatever verbs follow."""

OPENINGS = (
    "please, can you, could you, would you, can we, could we, i want to, i want you to, i need to, i need you to, "
    "i would like to, i'd like to, we want to, we need to, help me, let me, let us, let's, i need, we need, we "
    "want, i want, i'd like, i would like, we'd like, go and, give me, get the, get me, get all, get a list of, "
    "hi, hello, ok, so, now, and, but, also, then, first, in, to, at, for, from, on, by, if, just"
)
"""What a wish may begin with before it comes to the point."""

DOES: dict[str, str] = {
    "addAudienceScheduleToAudience": "create update run",
    "addPermissionsToUser": "create update",
    "addPermissionsToUserGroup": "create update",
    "batch": "create run",
    "batchQueryMessagingSubscriptionsForSpace": "get list",
    "cancelReverseETLSyncForModel": "delete update",
    "createAudiencePreview": "get create",
    "createCloudSourceRegulation": "delete create",
    "createDbtModelSyncTrigger": "run",
    "createDownload": "get list",
    "createFilterForDestination": "create delete update",
    "createFilterForSpace": "create delete update",
    "createFunctionDeployment": "run update",
    "createInsertFunctionInstance": "create run",
    "createLivePlugin": "create update run",
    "createReverseETLManualSync": "run",
    "createSourceRegulation": "delete create",
    "createTransformation": "create update",
    "createValidationInWarehouse": "get create",
    "createWorkspaceRegulation": "delete create",
    "echo": "get run",
    "forceExecuteAudienceRun": "run",
    "getWorkspace": "get list",
    "previewDestinationFilter": "get create",
    "replaceMessagingSubscriptionsInSpaces": "replace update delete create",
    "restoreFunctionVersion": "run update delete",
    "updateActivationForAudience": "update run",
    "updateRulesInTrackingPlan": "update create",
    "updateSelectiveSyncForWarehouse": "update delete create",
    "updateSelectiveSyncForWarehouseAndSpace": "update delete create",
}
"""Operations that do something else, or more, than their method says."""
