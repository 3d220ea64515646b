"""Tables and indexes. SQLite keeps the comments, so that a reader of the schema has them too."""

SCHEMA = """
CREATE TABLE ports (
    code TEXT PRIMARY KEY,          -- three letters, MRW is Marrowick
    name TEXT,
    island TEXT UNIQUE              -- 'mainland' for Marrowick
);
CREATE TABLE vessels (
    name TEXT PRIMARY KEY,          -- with MV: 'MV Fulmar'
    built INTEGER,                  -- year
    passengers INTEGER,             -- places for people
    cars INTEGER,                   -- places for cars of up to 5 m
    height_m REAL,                  -- clear height of the vehicle deck, metres
    wheelchairs INTEGER,            -- places
    bicycles INTEGER,               -- stands
    wind_limit_ms INTEGER           -- a sailing is cancelled from this mean wind on, m/s
);
CREATE TABLE routes (
    code TEXT PRIMARY KEY,          -- R1 to R5; R5 is the night crossing
    origin TEXT REFERENCES ports (code),
    via TEXT,                       -- port of call between, '' where there is none
    destination TEXT REFERENCES ports (code),
    minutes INTEGER,                -- whole crossing
    vessel TEXT REFERENCES vessels (name)  -- the usual ship
);
CREATE TABLE fares (                -- 2026; one direction is listed, the other costs the same
    origin TEXT REFERENCES ports (code),
    destination TEXT REFERENCES ports (code),
    ticket TEXT,                    -- saver, standard, flex
    passenger TEXT,                 -- adult, child, youth, student, senior, islander; or car
    price_kr INTEGER,               -- single journey, crowns
    PRIMARY KEY (origin, destination, ticket, passenger)
);
CREATE TABLE weather (
    date TEXT PRIMARY KEY,          -- YYYY-MM-DD
    wind_ms INTEGER                 -- strongest mean wind over ten minutes, m/s
);
CREATE TABLE sailings (             -- every planned sailing, 1 June to 12 July 2026
    id INTEGER PRIMARY KEY,
    date TEXT REFERENCES weather (date),  -- of departure, YYYY-MM-DD
    route TEXT REFERENCES routes (code),
    origin TEXT REFERENCES ports (code),
    destination TEXT REFERENCES ports (code),
    departs TEXT,                   -- HH:MM by the timetable
    arrives TEXT,                   -- HH:MM as it was, delay included; '' when cancelled
    vessel TEXT REFERENCES vessels (name),
    status TEXT,                    -- sailed (on time), delayed, cancelled
    cause TEXT,                     -- weather, technical, medical, waiting for connection,
                                    -- traffic on the quay; '' when on time
    delay_minutes INTEGER,          -- on arrival; 0 when on time or cancelled
    passengers INTEGER,             -- on board, with and without a booking; 0 when cancelled
    cars INTEGER                    -- on board; 0 when cancelled
);
CREATE TABLE passengers (           -- people known to the booking system; not all travelled
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    birth_year INTEGER NOT NULL,
    phone TEXT,                     -- 0700 555 nnn, or NULL
    email TEXT,                     -- or NULL
    home TEXT NOT NULL REFERENCES ports (island),  -- an island, or 'mainland'
    islander_card INTEGER NOT NULL CHECK (islander_card IN (0, 1))  -- 1 has an Islander Card
);
CREATE TABLE bookings (             -- one person on one sailing, with what he or she brings
                                    -- (an extract: about one in twenty of those on board)
    reference TEXT PRIMARY KEY,     -- SK and five letters or digits
    sailing_id INTEGER NOT NULL REFERENCES sailings (id),  -- as booked
    passenger_id INTEGER NOT NULL REFERENCES passengers (id),
    from_port TEXT NOT NULL REFERENCES ports (code),  -- on R2 a part of the way is possible
    to_port TEXT NOT NULL REFERENCES ports (code),
    ticket TEXT NOT NULL CHECK (ticket IN ('saver', 'standard', 'flex')),
    kind TEXT NOT NULL,             -- adult, child (4 to 15), infant (under 4, free), youth,
                                    -- student, senior, islander: the discount that was given
    cars INTEGER NOT NULL,          -- 0 or 1
    electric INTEGER NOT NULL,      -- 1 when that car is electric
    bicycles INTEGER NOT NULL,
    dogs INTEGER NOT NULL,
    cabin INTEGER,                  -- number of the cabin on R5, NULL without one
    cabin_kind TEXT,                -- inside 2, outside 2, inside 4, accessible 2; NULL without
    channel TEXT NOT NULL,          -- web, office, purser (on board), agent, telephone
    booked_on TEXT NOT NULL,        -- YYYY-MM-DD
    fare_kr INTEGER NOT NULL,       -- the passenger's fare alone, crowns
    price_kr INTEGER NOT NULL,      -- fare, car, weekend supplement, cabin, bicycles and dogs;
                                    -- without the telephone desk's booking fee
    status TEXT NOT NULL CHECK (status IN
        ('travelled', 'cancelled_by_passenger', 'cancelled_by_us', 'no_show')),
    cancelled_at TEXT,              -- by the passenger, YYYY-MM-DD HH:MM; NULL otherwise
    moved_to INTEGER REFERENCES sailings (id),  -- later sailing that was chosen after we
                                    -- cancelled; NULL otherwise
    refund_code TEXT,               -- RF-1 passenger cancelled, RF-2 we cancelled, RF-3 we
                                    -- cancelled for weather, RF-4 delay compensation, RF-5
                                    -- illness, RF-6 goodwill voucher; NULL: no refund, or
                                    -- harbour dues only
    refund_kr INTEGER               -- paid back, crowns; NULL when nothing was
);
CREATE TABLE incidents (            -- what went wrong on board or in a port
    id INTEGER PRIMARY KEY,
    sailing_id INTEGER REFERENCES sailings (id),  -- NULL when it happened in a port
    port TEXT REFERENCES ports (code),  -- NULL when it happened on a sailing
    date TEXT NOT NULL,             -- YYYY-MM-DD
    time TEXT NOT NULL,             -- HH:MM
    kind TEXT NOT NULL,             -- technical, medical, fall, deck, animal, conduct, child,
                                    -- alarm, quay, weather
    severity TEXT NOT NULL CHECK (severity IN ('minor', 'moderate', 'serious')),
    minutes_lost INTEGER,           -- delay that it caused, 0 for none; NULL when the sailing
                                    -- was cancelled for it
    report TEXT NOT NULL,           -- the crew's words
    injured INTEGER NOT NULL,       -- people hurt; falling ill does not count
    closed_on TEXT,                 -- YYYY-MM-DD; NULL while open
    CHECK ((sailing_id IS NULL) <> (port IS NULL))
);
CREATE INDEX sailings_by_date ON sailings (date, route);
CREATE INDEX bookings_by_sailing ON bookings (sailing_id);
CREATE INDEX bookings_by_passenger ON bookings (passenger_id);
CREATE INDEX incidents_by_sailing ON incidents (sailing_id);
"""
