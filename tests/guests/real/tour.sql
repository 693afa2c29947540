-- A tour of the database: everything that is asked has one answer on every machine.
create table people (id integer primary key, name text not null, born integer, city text);
create table visits (person integer references people, day integer, seconds real);
create index visits_by_person on visits (person, day);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 400)
insert into people select i, 'person ' || (i * 7919 % 1009), 1950 + i % 60,
  case i % 4 when 0 then 'Bergen' when 1 then 'Turin' when 2 then 'Oslo' end from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
insert into visits select i * 31 % 400 + 1, i % 365, (i * 37 % 1000) / 8.0 from n;
select count(*), sum(day), round(avg(seconds), 6), max(seconds) from visits;
select city, count(*), min(name), max(born) from people group by city order by city;
select name, count(*) as n, sum(seconds) from people join visits on person = people.id
  where city = 'Oslo' group by people.id having n > 9 order by sum(seconds) desc, name limit 5;
select day, seconds, rank() over (partition by person order by seconds desc) as place
  from visits where person = 7 order by place, day limit 5;
select name from people where name like '%99%' and born between 1960 and 1990 order by id limit 5;
create view by_decade as
  select born / 10 * 10 as decade, count(*) as people from people group by 1;
select group_concat(decade || ':' || people, ' ') from by_decade;
create table log (what text);
create trigger on_move after update of city on people
  begin
    insert into log values (old.name || ': ' || ifnull(old.city, '?') || ' > ' || new.city);
  end;
begin;
update people set city = 'Genoa' where city is null and born > 2005;
select count(*) from log;
rollback;
select count(*) from log;
update people set city = 'Genoa' where id in (3, 7, 11);
select what from log order by rowid;
insert into people values (1, 'twice', 2000, 'Turin');
select no_such_column from people;
select json_extract('{"a": [1, 2, {"b": 3.5}]}', '$.a[2].b'), json_group_array(id)
  from (select id from people order by id desc limit 4);
pragma integrity_check;
select hex(substr(name, 1, 3)), length(name), upper(name), printf('%08.3f', seconds)
  from people join visits on person = people.id order by people.id, day, seconds limit 3;
delete from visits where person % 3 = 0;
select count(*), total(seconds) from visits;
explain query plan select * from visits where person = 5 and day > 100;
vacuum;
select count(*), sum(pgno) > 0 from (select 1 as pgno from people);
select abs(-5), 7 / 2, 7 % 4, 7.0 / 2, 1 << 40, ~0, -9223372036854775808, 9223372036854775807 + 1;
