/* SPDX-License-Identifier: MIT
 *
 * tests/bench/search/LuceneBench.java: the queries answered by Lucene 8. engine.h has the turns.
 *
 *   java LuceneBench load DIR DUMP
 *   java LuceneBench serve DIR QUERIES
 *
 * The index is sorted by start and merged to one segment, so documents come in order of start: by date the first 20
 * matches are the page, and the rest is only counted (a collector of our own, cheaper than a TopFieldCollector that
 * counts exactly). A window is a range of documents, found in the start column. No query cache.
 */
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.LongPoint;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.NumericDocValues;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.IndexSortSortedNumericDocValuesRangeQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.ScoreMode;
import org.apache.lucene.search.SimpleCollector;
import org.apache.lucene.search.Sort;
import org.apache.lucene.search.SortField;
import org.apache.lucene.search.TermInSetQuery;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.search.TopScoreDocCollector;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.util.BytesRef;

public final class LuceneBench {
    private static final int PAGE = 20;
    private static final int FIELDS = 11;

    public static void main(String[] args) throws IOException {
        if (args.length == 3 && args[0].equals("load"))
            load(Paths.get(args[1]), Paths.get(args[2]));
        else if (args.length == 3 && args[0].equals("serve"))
            new LuceneBench(Paths.get(args[1])).serve(Paths.get(args[2]));
        else
            throw new IllegalArgumentException("load DIR DUMP | serve DIR QUERIES");
    }

    // ---- load

    private static void load(Path dir, Path dump) throws IOException {
        Analyzer words = new WhitespaceAnalyzer();
        IndexWriterConfig config = new IndexWriterConfig(words);
        config.setIndexSort(new Sort(new SortField("start", SortField.Type.LONG)));
        config.setRAMBufferSizeMB(256);
        config.setUseCompoundFile(false);
        try (IndexWriter writer = new IndexWriter(new MMapDirectory(dir), config);
                BufferedReader in = Files.newBufferedReader(dump, StandardCharsets.UTF_8)) {
            for (String line; (line = in.readLine()) != null;)
                writer.addDocument(document(line.split("\t", -1)));
            writer.forceMerge(1);
            writer.commit();
        }
    }

    private static Document document(String[] field) {
        Document d = new Document();
        StringBuilder text = new StringBuilder();
        for (int i = 4; i < FIELDS; i++)
            text.append(field[i]).append(' ');
        long start = Long.parseLong(field[0]);
        d.add(new NumericDocValuesField("start", start));
        d.add(new NumericDocValuesField("event", Long.parseLong(field[1])));
        d.add(new LongPoint("start", start));
        d.add(new StringField("city", field[2], Field.Store.NO));
        d.add(new StringField("category", field[3], Field.Store.NO));
        d.add(new TextField("words", text.toString().replace("/", " "), Field.Store.NO));
        return d;
    }

    // ---- queries

    private static final class Line {
        char kind;
        long from, to;
        String city, category;
        String[] words;
    }

    private static final class Answer {
        long ns, total;
        int hits;
        final long[] start = new long[PAGE];
    }

    /** The first documents and how many there are. */
    private static final class First extends SimpleCollector {
        final int[] doc = new int[PAGE];
        int n;

        @Override
        public void collect(int at) {
            if (n < PAGE)
                doc[n] = at;
            n++;
        }

        @Override
        public ScoreMode scoreMode() {
            return ScoreMode.COMPLETE_NO_SCORES;
        }
    }

    private final IndexSearcher searcher;
    private final LeafReaderContext leaf;

    private LuceneBench(Path dir) throws IOException {
        DirectoryReader reader = DirectoryReader.open(new MMapDirectory(dir));
        if (reader.leaves().size() != 1)
            throw new IllegalStateException("not one segment");
        leaf = reader.leaves().get(0);
        searcher = new IndexSearcher(reader);
        searcher.setQueryCache(null);
        BooleanQuery.setMaxClauseCount(4096);
    }

    private static Query word(String group, boolean scored) {
        if (group.indexOf('|') < 0)
            return new TermQuery(new Term("words", group));
        String[] any = group.split("\\|");
        if (scored) {
            BooleanQuery.Builder or = new BooleanQuery.Builder();
            for (String w : any)
                or.add(new TermQuery(new Term("words", w)), Occur.SHOULD);
            return or.build();
        }
        List<BytesRef> terms = new ArrayList<>(any.length);
        for (String w : any)
            terms.add(new BytesRef(w));
        return new TermInSetQuery("words", terms);
    }

    private static Query query(Line q, boolean scored) {
        BooleanQuery.Builder all = new BooleanQuery.Builder();
        int n = 0;
        Query only = null;
        for (String group : q.words) {
            only = word(group, scored);
            all.add(only, scored ? Occur.MUST : Occur.FILTER);
            n++;
        }
        if (!q.city.isEmpty()) {
            all.add(new TermQuery(new Term("city", q.city)), Occur.FILTER);
            n++;
        }
        if (!q.category.isEmpty()) {
            all.add(new TermQuery(new Term("category", q.category)), Occur.FILTER);
            n++;
        }
        if (q.to != 0) {
            all.add(new IndexSortSortedNumericDocValuesRangeQuery("start", q.from, q.to - 1,
                    LongPoint.newRangeQuery("start", q.from, q.to - 1)), Occur.FILTER);
            n++;
        }
        return n == 1 && only != null ? only : all.build();
    }

    private void answer(Line q, boolean scored, Answer out) throws IOException {
        Query query = query(q, scored);
        int[] docs;
        if (scored) {
            TopScoreDocCollector collector = TopScoreDocCollector.create(PAGE, Integer.MAX_VALUE);
            searcher.search(query, collector);
            TopDocs top = collector.topDocs();
            out.total = top.totalHits.value;
            docs = new int[top.scoreDocs.length];
            int i = 0;
            for (ScoreDoc hit : top.scoreDocs)
                docs[i++] = hit.doc;
        } else {
            First first = new First();
            searcher.search(query, first);
            out.total = first.n;
            docs = Arrays.copyOf(first.doc, Math.min(first.n, PAGE));
        }
        out.hits = docs.length;
        for (int i = 0; i < docs.length; i++) {
            NumericDocValues start = leaf.reader().getNumericDocValues("start");
            start.advanceExact(docs[i]);
            out.start[i] = start.longValue();
        }
    }

    private static List<Line> read(Path path) throws IOException {
        List<Line> lines = new ArrayList<>();
        for (String text : Files.readAllLines(path, StandardCharsets.UTF_8)) {
            String[] field = text.split("\t", -1);
            Line q = new Line();
            q.kind = field[0].charAt(0);
            q.from = Long.parseLong(field[2]);
            q.to = Long.parseLong(field[3]);
            q.city = field[4];
            q.category = field[5];
            q.words = field[6].isEmpty() ? new String[0] : field[6].split(" ");
            lines.add(q);
        }
        return lines;
    }

    private void turn(List<Line> queries, char kind, boolean scored, long seconds, String path)
            throws IOException {
        List<Answer> answers = new ArrayList<>();
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        for (Line q : queries) {
            if (q.kind != kind)
                continue;
            Answer a = new Answer();
            long began = System.nanoTime();
            answer(q, scored, a);
            a.ns = System.nanoTime() - began;
            answers.add(a);
            if (began > end)
                break;
        }
        try (PrintWriter out = new PrintWriter(path)) {
            for (Answer a : answers) {
                out.print(a.ns + "\t" + a.total + "\t");
                for (int i = 0; i < a.hits; i++)
                    out.print((i == 0 ? "" : ",") + a.start[i]);
                out.print('\n');
            }
        }
    }

    private void serve(Path path) throws IOException {
        List<Line> queries = read(path);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.out.println("ready");
        for (String line; (line = in.readLine()) != null;) {
            String[] command = line.split(" ");
            turn(queries, command[0].charAt(0), command[1].equals("relevance"), Long.parseLong(command[2]), command[3]);
            System.out.println("done");
        }
    }
}
