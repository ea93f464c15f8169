CREATE TABLE readings (site TEXT, pump INTEGER, at TEXT, pressure REAL, running BOOLEAN);
INSERT INTO readings VALUES
  ('north', 1, '2024-03-31 01:30', 2.5, TRUE),
  ('north', 1, '2024-03-31 03:00', 2.75, NULL),
  ('south', 2, '2024-10-27 02:00', 3.0, FALSE);
